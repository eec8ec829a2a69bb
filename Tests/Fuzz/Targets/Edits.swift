/// Changes to an honest message, read from a fuzzer's bytes: so a fuzzer gets past signatures and MACs that it cannot make, and changes
/// what comes before and after. Each takes four bytes: what to do, where (two bytes, modulo the length), and a value.
struct Edits {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func apply(to honest: [UInt8]) -> [UInt8] {
        var message = honest
        for start in stride(from: 0, to: bytes.count - 3, by: 4) {
            let place = message.isEmpty ? 0 : (Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])) % message.count
            let value = bytes[start + 3]
            switch bytes[start] % 5 {
            case 0 where !message.isEmpty: message[place] ^= value
            case 1 where !message.isEmpty: message[place] = value
            case 2: message.insert(value, at: place)
            case 3 where !message.isEmpty: message.removeSubrange(place..<min(place + Int(value), message.count))
            default: message.append(contentsOf: message.suffix(from: place).prefix(Int(value)))
            }
        }
        return message
    }
}
