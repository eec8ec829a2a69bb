internal import Ambience
internal import Logging
internal import Loops
internal import Onion

/// One attempt to reach a relay: its addresses in order, until one answers and proves to be the target.
final class Dial {
    private let router: OnionRouter
    let target: LinkTarget
    /// Everybody who asked for this relay while it was being dialled.
    var waiters: [(Channel?) -> Void]
    private var addresses: ArraySlice<SocketAddress>
    private var dialer: SocketDialer?
    /// Of the address that is being tried, as events tell it.
    private var link: UInt64 = 0

    init(router: OnionRouter, target: LinkTarget, _ done: @escaping (Channel?) -> Void) {
        self.router = router
        self.target = target
        addresses = target.addresses[...]
        waiters = [done]
    }

    func start() {
        guard let address = addresses.popFirst() else { return router.loop.soon { self.settle(nil) } }
        link = router.nextLink()
        tell(.launched, address)
        dialer = SocketDialer.dial(loop: router.loop, address, from: router.settings.outbound.forLink(to: address.ip), timeout: router.settings.linkTimeout) { result in
            self.dialer = nil
            switch result {
            case .success(let fd): self.handshake(fd, address)
            case .failure(let error):
                self.tell(.failed, address, error.linkReason)
                self.start()
            }
        }
    }

    private func tell(_ status: LinkEvent.Status, _ address: SocketAddress, _ reason: LinkEvent.Reason? = nil) {
        router.tell(LinkEvent(link: link, status: status, address: address, identity: target.rsa, reason: reason, circuits: 0))
    }

    /// Gives up; whoever waits gets nothing.
    func cancel() {
        addresses = []
        dialer?.cancel()
        dialer = nil
        settle(nil)
    }

    private func handshake(_ fd: Int32, _ address: SocketAddress) {
        SocketLedger.note(fd, .relay, .initiated, address.ip)
        let channel = Channel(router: router, fd: fd, address: address, isInitiator: true, link: link, expected: target.rsa) { channel in
            guard let channel else { return self.start() }
            guard let peer = channel.peer, self.isTarget(peer) else {
                self.router.log.info("The relay at \(address) is not the one expected there")
                channel.close()
                return self.start()
            }
            self.settle(channel)
        }
        router.add(channel)
    }

    private func isTarget(_ peer: LinkPeer) -> Bool {
        peer.rsa == target.rsa && (target.ed25519 == nil || peer.ed25519 == target.ed25519)
    }

    private func settle(_ channel: Channel?) {
        router.forget(self)
        let waiters = waiters
        self.waiters = []
        // One of them may close it on the others.
        for waiter in waiters { waiter(channel?.isOpen == true ? channel : nil) }
    }
}
