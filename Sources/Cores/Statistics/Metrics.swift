/// Numbers about a node in Prometheus' text format, version 0.0.4, with stock tor's names and labels so that dashboards work unchanged.
package struct Metrics: Sendable {
    package enum Kind: String, Sendable { case counter, gauge }

    /// One number of a metric.
    package struct Sample: Sendable {
        package let labels: [(name: String, value: String)]
        package let value: Int64

        package init(_ labels: KeyValuePairs<String, String> = [:], _ value: some BinaryInteger) {
            self.labels = labels.map { (name: $0.key, value: $0.value) }
            self.value = Int64(clamping: value)
        }
    }

    package private(set) var text = ""

    package init() {}

    /// A metric without samples is left out: a number that nobody counted is not a zero.
    package mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample]) {
        guard !samples.isEmpty else { return }
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
        for sample in samples {
            let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
            text += "\(name)\(labels.isEmpty ? "" : "{\(labels)}") \(sample.value)\n"
        }
    }

    private static func escaped(_ value: String) -> String {
        var out = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out
    }
}
