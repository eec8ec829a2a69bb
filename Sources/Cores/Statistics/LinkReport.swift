/// How links were used in a day (dir-spec.txt 2.1.2, "conn-bi-direct" and "padding-counts").
package enum LinkReport {
    /// Links by what each moved in ten seconds, summed over all ten seconds.
    package struct Directions: Equatable, Sendable {
        package var below: UInt64 = 0
        package var mostlyRead: UInt64 = 0
        package var mostlyWritten: UInt64 = 0
        package var both: UInt64 = 0

        package init(below: UInt64 = 0, mostlyRead: UInt64 = 0, mostlyWritten: UInt64 = 0, both: UInt64 = 0) {
            self.below = below
            self.mostlyRead = mostlyRead
            self.mostlyWritten = mostlyWritten
            self.both = both
        }

        fileprivate var text: String { "\(below),\(mostlyRead),\(mostlyWritten),\(both)" }
    }

    package struct Padding: Sendable {
        package var drops: (written: UInt64, read: UInt64) = (0, 0)
        package var pads: (written: UInt64, read: UInt64) = (0, 0)
        package var cells: (written: UInt64, read: UInt64) = (0, 0)
        /// On links that are padded.
        package var paddedPads: (written: UInt64, read: UInt64) = (0, 0)
        package var paddedCells: (written: UInt64, read: UInt64) = (0, 0)
        package var mostPaddedLinks: UInt64 = 0

        package init() {}

        fileprivate var numbers: [UInt64] {
            [drops.written, pads.written, cells.written, drops.read, pads.read, cells.read, paddedPads.read, paddedCells.read, paddedPads.written, paddedCells.written]
        }
    }

    private static let paddingBin: UInt64 = 10_000
    private static let paddingWords = [
        "write-drop", "write-pad", "write-total", "read-drop", "read-pad", "read-total", "enabled-read-pad", "enabled-read-total", "enabled-write-pad",
        "enabled-write-total",
    ]

    package static func lines(_ day: Day, _ all: Directions, ipv6: Directions) -> [String] {
        ["\(day.line("conn-bi-direct")) \(all.text)", "\(day.line("ipv6-conn-bi-direct")) \(ipv6.text)"]
    }

    /// Nothing when no cell went in one of the directions: then there is nothing to hide in.
    package static func lines(_ day: Day, _ padding: Padding) -> [String] {
        guard padding.cells.read > 0, padding.cells.written > 0 else { return [] }
        let counts = zip(paddingWords, padding.numbers).map { "\($0)=\(Blurring.up($1, to: paddingBin))" }
        return ["\(day.line("padding-counts")) bin-size=\(paddingBin) \(counts.joined(separator: " ")) max-chanpad-timers=\(padding.mostPaddedLinks)"]
    }
}
