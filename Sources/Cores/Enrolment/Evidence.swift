internal import Bytes

/// What a mote says of itself when it enrols: named measurements, as raw as they were read.
///
/// A machine that reports its own digest proves little, for a machine that was tampered with would report the same. Only a platform's signed
/// report says more, and only to those who check its signature.
package struct Evidence: Equatable, Sendable {
    package static let itemsLimit = 32
    package static let nameLimitBytes = 64
    package static let valueLimitBytes = 16 << 10
    /// All names and values together.
    package static let totalLimitBytes = 48 << 10

    package struct Item: Equatable, Sendable {
        package let name: String
        package let value: [UInt8]

        package init(_ name: String, _ value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }

    package private(set) var items: [Item] = []

    package init() {}

    package subscript(_ name: String) -> [UInt8]? { items.first { $0.name == name }?.value }

    /// Adds what fits; false when it does not, or the name is no name (letters, digits, hyphens and dots) or is taken.
    @discardableResult
    package mutating func add(_ name: String, _ value: [UInt8]) -> Bool {
        let used = items.reduce(0) { $0 + $1.name.utf8.count + $1.value.count }
        guard items.count < Self.itemsLimit, value.count <= Self.valueLimitBytes, used + name.utf8.count + value.count <= Self.totalLimitBytes, Self.isName(name),
            self[name] == nil
        else { return false }
        items.append(Item(name, value))
        return true
    }

    private static func isName(_ name: String) -> Bool {
        let isPlain = name.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0) || (0x41...0x5A).contains($0) || [0x2D, 0x2E].contains($0) }
        return isPlain && (1...nameLimitBytes).contains(name.utf8.count)
    }

    // MARK: On the wire

    var byteCount: Int { items.reduce(1) { $0 + 3 + $1.name.utf8.count + $1.value.count } }

    func write(_ writer: inout ByteWriter) {
        writer.u8(UInt8(items.count))
        for item in items {
            writer.u8(UInt8(item.name.utf8.count))
            writer.append(item.name)
            writer.u16(UInt16(item.value.count))
            writer.append(item.value)
        }
    }

    init(_ reader: inout ByteReader) throws(EnrolmentError) {
        do throws(ByteError) {
            for _ in 0..<(try reader.u8()) {
                let name = String(decoding: try reader.bytes(Int(try reader.u8())), as: UTF8.self)
                let value = try reader.bytes(Int(try reader.u16()))
                guard add(name, value) else { break }
            }
        } catch { throw .malformed }
    }
}

/// Why a connection ends that does not keep to the protocol.
package enum EnrolmentError: Error, Equatable {
    /// The coordinator's key is not the one of the order.
    case wrongPin
    case malformed
    /// A frame longer than any that is allowed.
    case oversized
    /// A message that has no place here.
    case outOfTurn
    /// More messages than anybody needs.
    case tooMany
}
