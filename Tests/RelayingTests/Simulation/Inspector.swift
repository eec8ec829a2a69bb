import Ambience
import Onion

/// Looks at the links of a simulated network for what must not be there: readable content, a cell that looks the same on two links,
/// a cell on a circuit that its sender has destroyed.
final class Inspector {
    private final class Ways {
        var taps = [LinkTap(), LinkTap()]
        var destroyed: [Set<UInt32>] = [[], []]
    }

    static let hostile = "hostile"

    private unowned let world: VirtualWorld
    private var seen: Set<UInt64> = []
    private(set) var findings: [String] = []
    private(set) var relayCells = 0
    /// Circuits that the script destroyed over the head of a relay, which goes on sending on them.
    var excused: Set<UInt32> = []

    init(world: VirtualWorld) { self.world = world }

    func watch(_ wire: Wire) {
        let ways = Ways()
        wire.tap = { [unowned self, name = wire.name] bytes, isForward in inspect(bytes, isForward, ways, name) }
    }

    private func inspect(_ bytes: ArraySlice<UInt8>, _ isForward: Bool, _ ways: Ways, _ name: String) {
        for (id, command, body) in ways.taps[isForward ? 0 : 1].take(bytes) {
            world.note("\(name) \(isForward ? "->" : "<-") \(command) \(String(id, radix: 16))")
            // A hostile peer may say what it likes.
            if isForward, name.hasPrefix(Self.hostile) { continue }
            switch command {
            case CellCommand.relay, CellCommand.relayEarly:
                if ways.destroyed[isForward ? 0 : 1].contains(id), !excused.contains(id) { findings.append("\(name): a cell after DESTROY on \(id)") }
                checkSealed(body, name)
            case CellCommand.destroy: ways.destroyed[isForward ? 0 : 1].insert(id)
            case CellCommand.create2, CellCommand.createFast: for way in 0..<2 { ways.destroyed[way].remove(id) }
            default: break
            }
        }
    }

    private func checkSealed(_ body: ArraySlice<UInt8>, _ name: String) {
        relayCells += 1
        if Pattern.isSeen(in: body) { findings.append("\(name): content in the clear") }
        let print = body.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if !seen.insert(print).inserted { findings.append("\(name): a cell that was on a link before") }
    }
}
