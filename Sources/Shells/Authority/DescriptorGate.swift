package import Ambience
package import Directory
package import DirectoryService
internal import Logging
internal import Sealing

/// How an authority takes an upload.
package enum Acceptance: Equatable, Sendable {
    case accepted
    /// Nothing wrong with it, but what is stored says the same or is newer.
    case notNew
    /// What is wrong with it, for its operator.
    case refused(String)
    /// Accepted, but it could not be made durable.
    case notStored
}

/// Lets descriptors and extra-infos into the store (dir-spec 3.2, checks of stock 0.4.9). What it accepted is on disk.
package final class DescriptorGate {
    /// Documents in one upload at most; a relay sends two.
    static let documentLimit = 16

    private let store: DirectoryStore
    /// `nil` when keys are not pinned.
    private let pins: KeyPins?
    private let demands: RouterDescriptor.Demands
    private let log = Logger(label: "authority")
    /// What the operator has decided about single relays.
    package var rulings = RelayRulings()
    /// Told of every descriptor that was let in.
    package var onDescriptor: ((RouterDescriptor) -> Void)?

    package init(store: DirectoryStore, pins: KeyPins?, demands: RouterDescriptor.Demands) {
        self.store = store
        self.pins = pins
        self.demands = demands
    }

    /// Takes the body of a POST: descriptors, each followed by its extra-info. The answer is the worst of all documents'.
    package func admit(_ body: [UInt8], now: WallTime) -> Acceptance {
        let documents = DocumentBundle.cut(body, at: ["router ", "extra-info "], limit: Self.documentLimit + 1)
        guard !documents.isEmpty else { return .refused("Unable to parse any descriptor in the upload.") }
        guard documents.count <= Self.documentLimit else { return .refused("Too many documents in one upload.") }
        let extraInfos = documents.filter { !Self.isDescriptor($0) }
        var worst: Acceptance?
        for text in documents.filter(Self.isDescriptor) { worst = Self.worse(worst, admitDescriptor(text, extraInfos, now: now)) }
        return worst ?? .refused("No server descriptor in the upload.")
    }

    private static func isDescriptor(_ text: [UInt8]) -> Bool { text.starts(with: "router ".utf8) }

    private static func worse(_ a: Acceptance?, _ b: Acceptance) -> Acceptance {
        func rank(_ acceptance: Acceptance) -> Int {
            switch acceptance {
            case .notNew: 0
            case .accepted: 1
            case .notStored: 2
            case .refused: 3
            }
        }
        guard let a, rank(a) >= rank(b) else { return b }
        return a
    }

    private func admitDescriptor(_ text: [UInt8], _ extraInfos: [[UInt8]], now: WallTime) -> Acceptance {
        let descriptor: RouterDescriptor
        do throws(DocumentError) { descriptor = try RouterDescriptor(text) } catch { return .refused("\(error)") }
        if let reason = refusal(of: descriptor, now: now) { return .refused(reason) }
        if let known = store.descriptor(of: descriptor.rsa), isOld(descriptor, beside: known) { return .notNew }
        do throws(FileError) {
            try pins?.pin(descriptor.rsa, descriptor.ed25519) { store.descriptor(of: $0) != nil }
        } catch {
            log.warning("Cannot pin a relay's keys: \(error)")
            return .notStored
        }
        let extraInfo = extraInfo(of: descriptor, in: extraInfos)
        if case .success(let document?) = extraInfo { guard store.put([document], now: now) else { return .notStored } }
        guard store.put([descriptor], now: now) else {
            // Kept in memory only it would be lost by a crash although the next upload would be told that it is not new.
            store.removeDescriptors { $0.digest == descriptor.digest }
            return .notStored
        }
        onDescriptor?(descriptor)
        if case .failure(let error) = extraInfo { return .refused("Extra-info: \(error)") }
        return .accepted
    }

    private func refusal(of descriptor: RouterDescriptor, now: WallTime) -> String? {
        if let reason = descriptor.refusal(at: now, demands: demands) { return reason }
        if rulings.rulings(about: descriptor.rsa, descriptor.ed25519).contains(.reject) { return "This authority's operator rejects the relay." }
        if let expires = descriptor.expires, expires <= now { return "The relay's advertised end (dust-expires) has passed." }
        if pins?.match(descriptor.rsa, descriptor.ed25519) == .mismatch {
            return "Ed25519 identity key or RSA identity key has changed."
        }
        return nil
    }

    private func isOld(_ descriptor: RouterDescriptor, beside known: RouterDescriptor) -> Bool {
        descriptor.published <= known.published || CosmeticDifference.holds(between: known, and: descriptor)
    }

    /// The extra-info in the upload that the descriptor names; an upload may come without.
    private func extraInfo(of descriptor: RouterDescriptor, in texts: [[UInt8]]) -> Result<ExtraInfo?, DocumentError> {
        var failure: DocumentError?
        for text in texts {
            do throws(DocumentError) {
                let document = try ExtraInfo(text)
                guard document.rsa == descriptor.rsa else { continue }
                try document.verify(for: descriptor)
                return .success(document)
            } catch { failure = error }
        }
        return failure.map { .failure($0) } ?? .success(nil)
    }
}
