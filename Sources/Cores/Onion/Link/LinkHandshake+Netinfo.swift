internal import Ambience

/// NETINFO, the last word of either side (tor-spec "NETINFO cells").
extension LinkHandshake {
    /// Clients tell neither their clock nor their addresses.
    func ownNetinfo(isAnonymous: Bool, _ now: WallTime) -> [UInt8] {
        let message = NetinfoMessage(
            seconds: isAnonymous ? 0 : UInt32(clamping: now.secondsSinceEpoch), other: facts.peerAddress.ip,
            own: isAnonymous ? [] : facts.ownAddresses)
        return Cell.fixed(.none, CellCommand.netinfo, message.encoded)
    }

    mutating func establish(_ version: UInt16, _ peer: PeerCertificates?, _ body: [UInt8], _ now: WallTime) throws(LinkFailure) -> LinkPeer {
        guard let netinfo = try? NetinfoMessage(body) else { throw .malformed(command: CellCommand.netinfo) }
        phase = .established
        return LinkPeer(
            linkVersion: version, rsa: peer?.rsa, ed25519: peer?.ed25519, isAuthenticated: peer != nil,
            observedOwnAddress: netinfo.other.flatMap { $0.bytes.allSatisfy { $0 == 0 } ? nil : $0 }, addresses: netinfo.own,
            clockSkewSeconds: netinfo.seconds == 0 ? nil : Int64(netinfo.seconds) - now.secondsSinceEpoch)
    }
}
