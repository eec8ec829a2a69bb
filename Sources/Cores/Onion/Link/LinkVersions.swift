internal import Bytes

/// VERSIONS, the one cell with a circuit id of two bytes (tor-spec "VERSIONS cells").
enum LinkVersions {
    static func cell(_ versions: [UInt16]) -> [UInt8] {
        var writer = ByteWriter(capacity: 16)
        writer.u16(0)
        writer.u8(CellCommand.versions)
        writer.u16(UInt16(versions.count * 2))
        for version in versions { writer.u16(version) }
        return writer.bytes
    }

    /// The highest version that both sides speak.
    static func agree(_ body: [UInt8], own: [UInt16]) throws(LinkFailure) -> UInt16 {
        guard body.count % 2 == 0 else { throw .malformed(command: CellCommand.versions) }
        let theirs = stride(from: 0, to: body.count, by: 2).map { UInt16(body[$0]) << 8 | UInt16(body[$0 + 1]) }
        guard let version = own.filter(theirs.contains).max() else { throw .noCommonVersion }
        return version
    }
}
