/// Why a directory document was not believed. The texts are meant for the peer that sent it and for a log line.
package enum DocumentError: Error, Equatable, CustomStringConvertible {
    /// More bytes, lines or entries than the kind of document may have.
    case oversized(limit: Int)
    /// Not UTF-8, a broken line or a broken object; lines count from 1.
    case malformed(line: Int, String)
    case missing(String)
    case repeated(String)
    /// The item is not where the document's grammar wants it.
    case misplaced(String)
    /// The item's arguments or object say something impossible.
    case invalid(String, String)
    case badSignature(String)

    package var description: String {
        switch self {
        case .oversized(let limit): "Document over its limit of \(limit)"
        case .malformed(let line, let reason): "Line \(line): \(reason)"
        case .missing(let keyword): "Missing \(keyword)"
        case .repeated(let keyword): "More than one \(keyword)"
        case .misplaced(let keyword): "Misplaced \(keyword)"
        case .invalid(let keyword, let reason): "Bad \(keyword): \(reason)"
        case .badSignature(let name): "Bad \(name)"
        }
    }
}
