package import Ambience
internal import Bytes
package import Leasing
package import Sealing

/// What a mote says to its coordinator.
package enum MoteMessage: Sendable {
    /// The first message of a mote that has not been welcomed yet.
    case enrol(MoteKey, secret: SecretBytes, Evidence)
    /// The first message of a mote that was welcomed on an earlier connection; its certificate says that it is the one.
    case resume(MoteKey)
    /// How it goes. Each is answered with the order that stands.
    case report(MoteReport, RelayNames?)
}

/// The relay's identities, once it has made its keys.
package struct RelayNames: Equatable, Sendable {
    /// SHA-1 of the RSA identity, 20 bytes.
    package let rsa: [UInt8]
    /// The Ed25519 identity, 32 bytes.
    package let ed25519: [UInt8]

    package init?(rsa: [UInt8], ed25519: [UInt8]) {
        guard rsa.count == 20, ed25519.count == 32 else { return nil }
        self.rsa = rsa
        self.ed25519 = ed25519
    }
}

/// What a coordinator says to a mote.
package enum CoordinatorMessage: Equatable, Sendable {
    case welcome(Welcome)
    /// The one answer to whoever may not enrol or go on, whatever the reason.
    case refused
    case standing(StandingOrder)

    package struct Welcome: Equatable, Sendable {
        package let torrc: String
        package let expires: WallTime

        package init(torrc: String, expires: WallTime) {
            self.torrc = torrc
            self.expires = expires
        }
    }
}

/// What is wanted of a mote now.
package struct StandingOrder: Equatable, Sendable {
    package enum Wanted: UInt8, Sendable { case nothing, drain, stop }

    package var wanted: Wanted
    /// The end of the lease, or an earlier one. A later one than the mote knows means nothing: no mote is prolonged.
    package var expires: WallTime

    package init(_ wanted: Wanted, expires: WallTime) {
        self.wanted = wanted
        self.expires = expires
    }
}

// MARK: On the wire

extension MoteMessage {
    /// The bytes of a frame. That of `enrol` holds the secret: wipe it.
    package var frame: [UInt8] {
        var body = ByteWriter()
        switch self {
        case .enrol(let key, let secret, let evidence): return Self.enrolFrame(key, secret, evidence)
        case .resume(let key):
            body.key(key)
            return Frames.frame(2, body.bytes)
        case .report(let report, let names):
            body.report(report)
            body.u8(names == nil ? 0 : 1)
            if let names { body.append(names.rsa + names.ed25519) }
            return Frames.frame(3, body.bytes)
        }
    }

    /// Written once, in place: an array that grows or is copied would leave the secret behind.
    private static func enrolFrame(_ key: MoteKey, _ secret: SecretBytes, _ evidence: Evidence) -> [UInt8] {
        let length = 1 + 16 + secret.count + evidence.byteCount
        var frame = ByteWriter(capacity: 4 + length)
        frame.u32(UInt32(length))
        frame.u8(1)
        frame.key(key)
        var bytes = secret.copy
        frame.append(bytes)
        bytes.wipe()
        evidence.write(&frame)
        return frame.bytes
    }

    init(kind: UInt8, body: [UInt8]) throws(EnrolmentError) {
        var reader = ByteReader(body)
        do throws(ByteError) {
            switch kind {
            case 1:
                let key = try reader.key()
                let secret = SecretBytes(try reader.slice(EnrolmentOrder.secretBytes))
                self = .enrol(key, secret: secret, try Self.evidence(&reader))
            case 2: self = .resume(try reader.key())
            case 3: self = .report(try reader.report(), try Self.names(&reader))
            default: throw ByteError.truncated(needed: 0, had: 0)
            }
        } catch { throw .malformed }
        guard reader.isAtEnd else { throw .malformed }
    }

    private static func evidence(_ reader: inout ByteReader) throws(ByteError) -> Evidence {
        do throws(EnrolmentError) { return try Evidence(&reader) } catch { throw .truncated(needed: 0, had: 0) }
    }

    private static func names(_ reader: inout ByteReader) throws(ByteError) -> RelayNames? {
        guard try reader.u8() == 1 else { return nil }
        return RelayNames(rsa: try reader.bytes(20), ed25519: try reader.bytes(32))
    }
}

extension CoordinatorMessage {
    /// The longest torrc of a mote in bytes.
    package static let torrcLimitBytes = 32 << 10

    package var frame: [UInt8] {
        var body = ByteWriter()
        switch self {
        case .welcome(let welcome):
            body.u64(UInt64(bitPattern: welcome.expires.secondsSinceEpoch))
            body.append(welcome.torrc)
            return Frames.frame(1, body.bytes)
        case .refused: return Frames.frame(2)
        case .standing(let order):
            body.u8(order.wanted.rawValue)
            body.u64(UInt64(bitPattern: order.expires.secondsSinceEpoch))
            return Frames.frame(3, body.bytes)
        }
    }

    init(kind: UInt8, body: [UInt8]) throws(EnrolmentError) {
        var reader = ByteReader(body)
        do throws(ByteError) {
            switch kind {
            case 1:
                let expires = try reader.time()
                guard reader.remaining <= Self.torrcLimitBytes, let torrc = String(validating: reader.rest(), as: UTF8.self) else {
                    throw ByteError.truncated(needed: 0, had: 0)
                }
                self = .welcome(Welcome(torrc: torrc, expires: expires))
            case 2: self = .refused
            case 3:
                guard let wanted = StandingOrder.Wanted(rawValue: try reader.u8()) else { throw ByteError.truncated(needed: 0, had: 0) }
                self = .standing(StandingOrder(wanted, expires: try reader.time()))
            default: throw ByteError.truncated(needed: 0, had: 0)
            }
        } catch { throw .malformed }
        guard reader.isAtEnd else { throw .malformed }
    }
}

extension ByteWriter {
    fileprivate mutating func key(_ key: MoteKey) {
        u64(key.high)
        u64(key.low)
    }

    fileprivate mutating func report(_ report: MoteReport) {
        u8(UInt8(clamping: report.bootstrapped))
        u8(report.isDraining ? 1 : 0)
        u32(UInt32(clamping: report.circuits))
        u32(UInt32(clamping: report.streams))
        u64(UInt64(clamping: report.bytesRead))
        u64(UInt64(clamping: report.bytesWritten))
    }
}

extension ByteReader {
    fileprivate mutating func key() throws(ByteError) -> MoteKey { MoteKey(high: try u64(), low: try u64()) }

    fileprivate mutating func report() throws(ByteError) -> MoteReport {
        MoteReport(
            bootstrapped: min(100, Int(try u8())), isDraining: try u8() == 1, circuits: Int(try u32()), streams: Int(try u32()),
            bytesRead: Int64(clamping: try u64()), bytesWritten: Int64(clamping: try u64()))
    }

    /// A time that calendars can name: later ones would overflow what adds to them.
    fileprivate mutating func time() throws(ByteError) -> WallTime {
        let seconds = Int64(bitPattern: try u64())
        guard (0...253_402_300_799).contains(seconds) else { throw .truncated(needed: 0, had: 0) }
        return WallTime(secondsSinceEpoch: seconds)
    }
}
