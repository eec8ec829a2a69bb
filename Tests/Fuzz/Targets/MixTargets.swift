import Mixing

extension FuzzTarget {
    private static let mixLayout = SphinxLayout(payloadBytes: 126)
    private static let mixKey = MixKey(secret: [UInt8](repeating: 1, count: 32))

    /// What motes on the mix take from each other and from anybody.
    static let mix = [
        FuzzTarget("mix-packet", ["Cores/Mixing/Packets/Unwrapping.swift"]) { bytes in
            guard case .forward(_, let packet)? = try? mixKey?.unwrap(bytes, mixLayout).content else { return }
            precondition(packet.count == bytes.count)
        },
        FuzzTarget("mix-commands", ["Cores/Mixing/Packets/HopCommands.swift"]) { checkStable($0) { try HopCommands($0[...]).encoded } },
        FuzzTarget("mix-payload", ["Cores/Mixing/Fragments/MixPayload.swift", "Cores/Mixing/Fragments/Fragment.swift"]) {
            checkStable($0) { try MixPayload($0, mixLayout).encoded(mixLayout) }
        },
        FuzzTarget("mix-parcel", ["Cores/Mixing/Station/Parcel.swift"]) { bytes in
            checkExact(bytes) { try Parcel($0).encoded }
            checkExact(bytes) { try Errand($0).encoded }
            checkExact(bytes) { try ParcelAnswer($0).orThrow().encoded }
        },
        FuzzTarget("mix-held", ["Cores/Mixing/Holding/HeldPacket.swift"]) { checkStable($0) { try HeldPacket($0, mixLayout).encoded } },
    ]
}
