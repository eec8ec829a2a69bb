package import Ambience

/// The machine's own end, which needs neither network nor coordinator. On EC2 powering off ends the machine; elsewhere it stops it, and a
/// sweep ends it. A reboot forgets it: then there is the sweep alone.
package enum DeadMansSwitch {
    /// User data for any image with cloud-init. The time is absolute, so that the same order always has the same user data.
    package static func script(expires: WallTime) -> String {
        """
        #!/bin/sh
        left=$(( (\(expires.secondsSinceEpoch) - $(date +%s) + 59) / 60 ))
        [ "$left" -gt 0 ] || left=0
        exec shutdown -P "+$left"

        """
    }
}
