/// Rows of words in columns as wide as they need to be.
struct Table {
    private var rows: [[String]]

    init(_ header: [String]) { rows = [header] }

    mutating func add(_ row: [String]) { rows.append(row) }

    var text: String {
        let widths = (0..<(rows[0].count)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            return String(cells.joined(separator: "  ").reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }

    /// What people read on a terminal of usual width.
    static let widthColumns = 100

    /// Broken between words into lines of at most `widthColumns`, the later ones indented.
    static func wrapped(_ text: String, indent: String) -> String {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= widthColumns {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append((lines.isEmpty ? "" : indent) + word)
            }
        }
        return lines.joined(separator: "\n")
    }

    /// `1.5 MiB`
    static func size(_ bytes: Int64) -> String {
        var value = Double(bytes)
        var unit = 0
        while value >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
        return unit == 0 ? "\(bytes) B" : "\(Int(value)).\(Int(value * 10) % 10) \(units[unit])"
    }

    private static let units = ["B", "KiB", "MiB", "GiB", "TiB"]
}

extension Table {
    init(motes: [MoteLine]) {
        let isPaid = motes.contains { $0.ceiling != nil }
        self.init(["MOTE", "CLASS", "STATE", "ENDS IN"] + (isPaid ? ["PROVIDER", "MACHINE", "COST", "AT MOST"] : []) + ["PLACE", "CIRCUITS", "STREAMS", "READ", "WRITTEN"])
        for mote in motes {
            let paid = isPaid ? [mote.provider, mote.machine ?? "-", mote.cost ?? "-", mote.ceiling ?? "-"] : []
            add([String(mote.key.prefix(8)), mote.lifetimeClass, mote.state + (mote.wish.map { " (\($0))" } ?? ""), Duration.text(mote.secondsLeft)] + paid + [
                mote.place ?? "-", "\(mote.circuits)", "\(mote.streams)", Self.size(mote.bytesRead), Self.size(mote.bytesWritten),
            ])
        }
    }
}
