internal import Exchange
internal import Sealing

extension WalletAgent {
    /// Slices before the end of a token's time in which a fraud is looked for: most motes have deposited by then.
    private static let fraudSlices: Int64 = 24

    /// A mote was shown a token and did not serve. The moments are drawn over all the time that there is, so that they say little of when the
    /// client was there.
    func complain(_ token: WalletToken, _ place: Place, _ receipt: GateReceipt?, now: Int64) throws {
        guard let key = KeyID(token.token.input.keyID) else { return }
        let salt = seed.salt(key, token.counter), end = token.role.accepted.upperBound
        let signature = seed.signer(key, token.counter).sign(Signed.failed(mote: place.mote, place.slice))
        let complaint = Complaint(mote: place.mote, slice: place.slice, token: token.token, salt: salt, signature: signature)
        var all = [(Grievance.complaint(complaint), drawn(place.slice + 1, end, from: now))]
        if let receipt, receipt.outcome == .full {
            let proof = FraudProof(mote: place.mote, slice: place.slice, token: token.token, salt: salt, receipt: receipt.signature)
            all.append((.fraud(proof), drawn(max(place.slice + 1, end - Self.fraudSlices), end, from: now)))
        }
        try store.add(all)
    }

    private func drawn(_ first: Slice, _ end: Slice, from now: Int64) -> Int64 {
        guard !rules.isHurried else { return now }
        let first = max(now, terms.time.start(of: first)), last = terms.time.start(of: end - 1)
        return last <= first ? first : Int64.random(in: first...last, using: &random)
    }

    /// Tells the exchange what is due.
    func voice(at slice: Slice, now: Int64) throws {
        for grievance in try store.grievances(at: now) {
            try store.postpone(grievance, to: now + terms.time.sliceSeconds)
            switch grievance {
            case .complaint(let complaint):
                guard let answer = try attempt("a complaint cannot be made", { try port.complain(complaint) }) else { continue }
                try store.close(grievance, answer == nil ? .told : .closed, answer == nil ? "complained of a mote that took a token and did not serve" : nil, now: now)
            case .fraud(let proof):
                guard let answer = try attempt("a proof of fraud cannot be given", { try port.prove(proof) }) else { continue }
                try judged(grievance, answer, now: now)
            }
        }
    }

    /// Not deposited so far is no reason to give up before the token's time is over.
    private func judged(_ grievance: Grievance, _ refusal: Refusal?, now: Int64) throws {
        switch refusal {
        case nil: try store.close(grievance, .told, "a mote that had no room kept the token: its stake is burned", now: now)
        case .spent?: try store.close(grievance, .told, nil, now: now)
        case .unearned?: break
        default: try store.close(grievance, .closed, nil, now: now)
        }
    }
}
