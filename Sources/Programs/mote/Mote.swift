import Cradle
import Glibc
import Node
import Sealing
import Torrc

/// The node: relay, exit, authority, client, whatever its torrc says.
@main struct Mote {
    static func main() {
        ProcessHardening.apply()
        TLSMemory.keepSmallBlocks()
        do {
            exit(try Errand(Cradle.isHere ? Cradle.raise() : Array(CommandLine.arguments.dropFirst())).run())
        } catch let error as NodeFailure {
            fail("\(error)", status: error.kind.rawValue)
        } catch let error as TorrcError {
            let isUsage = error.origin == .commandLine
            fail("\(error)", status: isUsage ? NodeFailure.Kind.usage.rawValue : NodeFailure.Kind.configuration.rawValue)
        } catch {
            fail("\(error)", status: NodeFailure.Kind.system.rawValue)
        }
    }

    private static func fail(_ message: String, status: Int32) -> Never {
        let line = Array("mote: \(message)\n".utf8)
        _ = write(2, line, line.count)
        exit(status)
    }
}
