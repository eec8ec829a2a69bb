package import Ambience

/// What a rented machine does first, whatever image with cloud-init it boots. The machine's own end comes first: it needs neither network nor coordinator, and a
/// reboot does not forget it. On EC2 powering off ends the machine; elsewhere it stops it, and a sweep ends it.
///
/// The same lease and order always make the same script: a provider that knows an order's token compares it.
package enum BootScript {
    /// The mote image's initramfs: a packed archive whose `init` is the mote's program, whole in itself.
    package struct Image: Equatable, Sendable {
        package let url: String
        /// 64 lower-case hexadecimal digits.
        package let sha256: String

        /// `nil` unless the one is an HTTP address without characters that a shell minds, and the other a digest.
        package init?(url: String, sha256: String) {
            guard url.wholeMatch(of: /https?:\/\/[A-Za-z0-9._~:\/?&=%@+,-]{1,1000}/) != nil, sha256.wholeMatch(of: /[0-9a-f]{64}/) != nil else { return nil }
            (self.url, self.sha256) = (url, sha256)
        }
    }

    /// Powers the machine off at the end of its lease, and does nothing else.
    package static func end(at expires: WallTime) -> String {
        """
        #!/bin/sh
        umask 077
        boot=/var/lib/cloud/scripts/per-boot
        mkdir -p "$boot"
        cat > "$boot/mote-end" <<'END'
        #!/bin/sh
        left=$(( (\(expires.secondsSinceEpoch) - $(date +%s) + 59) / 60 ))
        [ "$left" -gt 0 ] || left=0
        exec shutdown -P "+$left"
        END
        chmod 700 "$boot/mote-end"
        sh "$boot/mote-end"

        """
    }

    /// The same, and makes a mote of the machine: fetches the image, runs it only if it has the digest, and hands it `order`, which lies in memory only.
    /// A machine of which no mote can be made powers itself off: it would only cost.
    package static func mote(expires: WallTime, order: String, image: Image) -> String {
        end(at: expires) + """
            give_up() { echo "mote: $1" >&2; shutdown -P now; exit 1; }
            swapoff -a
            mkdir -p /opt/mote /run/mote && cd /opt/mote || give_up 'no folder'
            cat > /run/mote/order <<'END'
            \(order.hasSuffix("\n") ? String(order.dropLast()) : order)
            END
            for tool in curl zstd cpio; do
                command -v "$tool" >/dev/null || { apt-get -qq update; apt-get -qq -y install "$tool"; } || give_up "no $tool"
            done
            curl -fsSL --retry 5 --max-time 300 --max-filesize 64000000 -o image '\(image.url)' || give_up 'the image cannot be fetched'
            echo '\(image.sha256)  image' | sha256sum -c --status || give_up 'the image has another digest'
            zstd -qdc image | cpio -i --quiet init && rm image && chmod 700 init || give_up 'the image cannot be unpacked'
            exec systemd-run --quiet --unit=mote -p LimitCORE=0 -p MemorySwapMax=0 -p StandardOutput=null -p StandardError=null \\
                -p 'ExecStopPost=/sbin/shutdown -P now' /opt/mote/init --enrol /run/mote/order

            """
    }
}
