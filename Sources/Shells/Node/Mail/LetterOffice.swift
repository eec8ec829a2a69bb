internal import DirectoryService
internal import Letters
internal import Mixing

extension MailRole {
    /// Of a letter that comes this way. What a mote's directory takes at once must not be more than a machine has: larger ones come by SMTP.
    private static let letterLimitBytes = 1 << 20

    /// What people's own programs ask over circuits: to send a letter, and how well one would hide now. Who asks is not known.
    var letterOffice: DirectoryOffice {
        DirectoryOffice(path: LetterPath.office, bodyLimitBytes: Self.letterLimitBytes) { [weak self] rest, body, _, done in
            guard let self else { return done(.busy) }
            switch LetterPath.office + rest {
            case LetterPath.hiding: done(.bytes(Array(hiding.text.utf8)))
            case LetterPath.send:
                guard let letter = try? Letter(decoding: body) else { return done(.refused) }
                submit(letter) { done($0 ? .bytes(LetterPath.taken) : .busy) }
            default: done(.unknown)
            }
        }
    }

    private var hiding: HidingReport {
        let now = station.status
        return HidingReport(bits: now.bits, delaySeconds: now.meanDelaySeconds * Double(now.hops), packetsPerSecond: now.networkPacketsPerSecond, motes: now.motes)
    }
}
