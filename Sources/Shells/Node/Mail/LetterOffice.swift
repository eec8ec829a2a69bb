internal import DirectoryService
internal import Letters
internal import Mixing

extension MailRole {
    /// What people's own programs ask over circuits: to send a letter, and how well one would hide now. Who asks is not known.
    func letterOffice(_ desk: LetterDesk) -> DirectoryOffice {
        DirectoryOffice(path: LetterPath.office, bodyLimitBytes: LetterPiece.limitBytes) { [weak self] rest, body, _, done in
            guard let self else { return done(.busy) }
            switch LetterPath.office + rest {
            case LetterPath.hiding: done(.bytes(Array(hiding.text.utf8)))
            case LetterPath.send: desk.take(body, done)
            default: done(.unknown)
            }
        }
    }

    private var hiding: HidingReport {
        let now = station.status
        return HidingReport(bits: now.bits, delaySeconds: now.meanDelaySeconds * Double(now.hops), packetsPerSecond: now.networkPacketsPerSecond, motes: now.motes, exits: now.exits)
    }
}
