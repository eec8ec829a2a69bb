internal import Ambience
internal import Directory
internal import DirectoryService
internal import Logging
internal import Loops
internal import Relaying
internal import Sealing

/// Makes the relay's descriptor when it is due and posts it to all authorities.
final class DescriptorPublisher {
    private let loop: EventLoop
    private let tunnels: DirectoryTunnels
    private let authorities: [DirectorySource]
    private let log = Logger(label: "relay")
    private var schedule: PublicationSchedule
    /// Made while nobody was to be told of it.
    private var isHeldBack = false
    private var pending = 0
    private var accepted = 0
    private(set) var descriptor: RouterDescriptor?
    private(set) var extraInfo: ExtraInfo?

    /// What to publish now; nothing is published before it is set.
    var content: (() -> DescriptorContent)?
    /// By which relays an authority is reached, `nil` when that is not possible now; without it each is asked directly.
    var route: ((DirectorySource) -> [HopTarget]?)?
    /// Takes a new descriptor in our own house: an authority accepts its own without a detour.
    var onDescriptor: (RouterDescriptor, ExtraInfo) -> Void = { _, _ in }

    /// Told of what becomes of descriptors.
    var onEvent: (RelayEvent) -> Void = { _ in }

    init(loop: EventLoop, tunnels: DirectoryTunnels, authorities: [DirectorySource], isTesting: Bool) {
        self.loop = loop
        self.tunnels = tunnels
        self.authorities = authorities
        schedule = PublicationSchedule(isTesting: isTesting)
    }

    var isBusy: Bool { pending > 0 }

    /// Something in the descriptor is different.
    func change() { schedule.change() }

    /// Makes a descriptor when the schedule says so, and publishes it unless it is to be kept in the house.
    func look(keys: RelayKeys, isListed: Bool?, observed: UInt64, mayUpload: Bool) {
        if mayUpload, isHeldBack { schedule.change() }
        guard pending == 0, let content, schedule.isDue(at: loop.wall, isListed: isListed, observed: observed) else { return }
        schedule.began(at: loop.wall, observed: observed)
        isHeldBack = !mayUpload
        publish(content(), keys)
    }

    private func publish(_ content: DescriptorContent, _ keys: RelayKeys) {
        do throws(DocumentError) {
            let made = try RouterDescriptor.make(content, keys: keys)
            descriptor = made.descriptor
            extraInfo = made.extraInfo
            onEvent(.descriptorMade)
            guard !isHeldBack else { return schedule.ended(at: loop.wall, isAccepted: true) }
            onDescriptor(made.descriptor, made.extraInfo)
            upload(made.descriptor.text + made.extraInfo.text)
        } catch {
            log.error("Cannot make a server descriptor: \(error)")
            schedule.ended(at: loop.wall, isAccepted: false)
        }
    }

    private func upload(_ documents: [UInt8]) {
        guard !authorities.isEmpty else { return schedule.ended(at: loop.wall, isAccepted: true) }
        pending = authorities.count
        accepted = 0
        for authority in authorities {
            let answered = { [weak self] (answer: UploadAnswer) in self?.answered(answer, by: authority) ?? () }
            guard let route else { tunnels.upload(documents, to: authority, answered); continue }
            guard let path = route(authority) else { loop.soon { answered(.unreachable) }; continue }
            tunnels.upload(documents, along: path, answered)
        }
    }

    private func answered(_ answer: UploadAnswer, by authority: DirectorySource) {
        switch answer {
        case .accepted(let text):
            accepted += 1
            onEvent(.descriptorAccepted(by: authority))
            log.info("Authority \(authority.nickname) took our descriptor: \(text)")
        case .refused(let status, let reason):
            onEvent(.descriptorRefused(by: authority, reason))
            log.warning("Authority \(authority.nickname) refused our descriptor (\(status)): \(reason)")
        case .unreachable: log.info("Authority \(authority.nickname) cannot be reached to publish our descriptor")
        }
        pending -= 1
        if pending == 0 { schedule.ended(at: loop.wall, isAccepted: accepted > 0) }
    }
}
