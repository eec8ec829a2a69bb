internal import Sealing

/// Arithmetic on a whole letter, which takes up to seconds for the longest: values in, values out, to be run beside the loop.
package struct MixWork: Sendable {
    /// What `MixStation.worked` is told.
    package enum Outcome: Sendable {
        case cut(ParcelID, [Fragment]?)
        case opened(number: Int, Parcel?)
    }

    enum Task: Sendable {
        /// Sealed to a gateway, and cut for so many motes in a layer.
        case cut(Parcel, Course.Attempt, publicKey: [UInt8], SphinxLayout)
        case open(number: Int, LetterCollector.Whole, MixKey)
    }

    let task: Task

    /// Of the letter: short ones need no other thread.
    package var bytes: Int {
        switch task {
        case .cut(let parcel, _, _, _): parcel.content.count
        case .open(_, let letter, _): letter.letterBytes
        }
    }

    package func run() -> Outcome {
        switch task {
        case .cut(let parcel, let attempt, let publicKey, let layout):
            let sealed = SealedBox.seal(parcel.encoded, to: publicKey, seed: attempt.seed)
            return .cut(parcel.id, sealed.flatMap { Fragment.cut($0, layout) { Fragment.parity(data: $0, motesPerLayer: attempt.motesPerLayer) } })
        case .open(let number, let letter, let key): return .opened(number: number, letter.joined().flatMap { key.open($0) }.flatMap { try? Parcel($0) })
        }
    }
}

extension MixStation {
    /// A letter of somebody's that is being put together, and the packets that it came in.
    struct Opening {
        let letter: LetterCollector.Whole
        let tags: [ReplayTag]
    }

    /// How a `work` ended.
    package mutating func worked(_ outcome: MixWork.Outcome, at now: MixTime) {
        switch outcome {
        case .cut(let id, let fragments): record(id, fragments)
        case .opened(let number, let parcel):
            guard let opening = openings.removeValue(forKey: number) else { return }
            // Sealed to somebody else or damaged, it will never be more; the packets count as dealt with.
            if parcel == nil { letters.reject(opening.letter) }
            open(parcel, opening.tags, at: now)
        }
    }

    mutating func begin(_ letter: LetterCollector.Whole, _ tags: [ReplayTag]) {
        lastTicket += 1
        openings[lastTicket] = Opening(letter: letter, tags: tags)
        effects.append(.work(MixWork(task: .open(number: lastTicket, letter, key))))
    }
}
