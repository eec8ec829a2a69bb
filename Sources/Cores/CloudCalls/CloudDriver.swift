package import Ambience

/// One provider's API as pure translations: what is wanted becomes a request, what was answered becomes a result. No driver calls anybody, keeps a
/// clock or remembers anything.
///
/// A result is never better than the answer: `CallFailure.unknown` whenever the provider may have acted and did not say so.
package protocol CloudDriver: Sendable {
    /// As people type it: `hetzner`.
    var name: String { get }
    /// What the provider does with a second create of the same order.
    var repetition: Repetition { get }

    /// How often the account may call, unless the answers say otherwise.
    var limits: CallLimits { get }

    /// The request with what proves that it is ours. Only its result is sent. `now` is the provider's time as far as it is known.
    func authorize(_ request: CloudRequest, pass: Pass?, now: WallTime) throws(CallFailure) -> CloudRequest

    /// Asks for a pass; `nil` where credentials go with every request. This one is sent as it is.
    func signIn() -> CloudRequest?
    func signedIn(_ answer: CloudAnswer, now: WallTime) throws(CallFailure) -> Pass

    /// Asks which places must be looked at to have seen everything; `nil` where one list holds all places.
    func survey() -> CloudRequest?
    func surveyed(_ answer: CloudAnswer) throws(CallFailure) -> [String]

    func create(_ order: MachineOrder) -> CloudRequest
    func created(_ answer: CloudAnswer, for order: MachineOrder) throws(CallFailure) -> Creation
    /// A page of the fleet's machines in `place`; `mark` is what the page before said.
    func list(fleet: String, place: String?, mark: String?) -> CloudRequest
    /// Machines without our tags are left out: they are somebody else's.
    func listed(_ answer: CloudAnswer, fleet: String, place: String?) throws(CallFailure) -> MachinePage
    func end(_ id: String, place: String) -> CloudRequest
    /// Returns if the machine is ending, or was not there: that is success as well, though a listing is the only proof.
    func ended(_ answer: CloudAnswer) throws(CallFailure)

    /// Asks which machines in a place are about to be taken back; `nil` where lists say so or nobody does.
    func notices(fleet: String, place: String?) -> CloudRequest?
    func noticed(_ answer: CloudAnswer) throws(CallFailure) -> [String: WallTime]
}

extension CloudDriver {
    package func survey() -> CloudRequest? { nil }
    package func surveyed(_ answer: CloudAnswer) throws(CallFailure) -> [String] { throw .invalid("one list holds all places") }
    package func signIn() -> CloudRequest? { nil }
    package func signedIn(_ answer: CloudAnswer, now: WallTime) throws(CallFailure) -> Pass { throw .invalid("nobody signs in there") }
    package func notices(fleet: String, place: String?) -> CloudRequest? { nil }
    package func noticed(_ answer: CloudAnswer) throws(CallFailure) -> [String: WallTime] { throw .invalid("nobody gives notice there") }
}

/// What makes asking twice safe, if anything does.
package enum Repetition: Sendable {
    /// The same order gets the same answer.
    case sameAnswer
    /// A second machine of that name is refused.
    case uniqueName
    /// A second machine is made. Only a listing tells whether the first was, and that only so many seconds later at worst.
    case another(visibleWithinSeconds: Int64)
}

package enum Creation: Equatable, Sendable {
    case made(id: String)
    /// This order, or one of its name, was made before; a listing tells which machine that is.
    case exists
    /// This order's machine was made and has ended since. The order is over.
    case spent
}

package struct MachinePage: Equatable, Sendable {
    package let machines: [Machine]
    /// `nil` on the last page.
    package let next: String?

    package init(machines: [Machine], next: String?) {
        self.machines = machines
        self.next = next
    }
}

/// Why a call did not do what it was for.
package enum CallFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// Nothing was done; it may be asked again, at soonest after so many seconds if the provider said how many.
    case later(seconds: Int64?)
    /// Nothing was asked: the provider could not be reached.
    case unreachable(String)
    /// Nothing was done: the account may have no more.
    case quota(String)
    /// Nothing was done: the provider has no such machine to give now.
    case capacity(String)
    /// Nothing was done: the credentials are wrong, out of date or not allowed to.
    case credentials(String)
    /// Nothing was done, and asking the same again will not help.
    case invalid(String)
    /// It may have been done.
    case unknown(String)

    package var description: String {
        switch self {
        case .later(let seconds): "asked too often or too early" + (seconds.map { "; try again in \($0) s" } ?? "")
        case .unreachable(let why): "cannot reach the provider: \(why)"
        case .quota(let why): "over the account's limit: \(why)"
        case .capacity(let why): "nothing to be had there now: \(why)"
        case .credentials(let why): "credentials refused: \(why)"
        case .invalid(let why): "refused: \(why)"
        case .unknown(let why): "no certain answer: \(why)"
        }
    }

    /// Words of a provider, fit to be shown: bounded, and nothing that steers a terminal.
    static func words(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.prefix(300).map { $0.properties.generalCategory == .control ? " " : $0 }))
    }
}
