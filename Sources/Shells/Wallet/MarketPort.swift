package import Exchange

/// The exchange, as the agent reaches it: over the network, or in a test within the process. Each call throws when nobody answered.
package protocol MarketPort {
    /// `nil` when the order was refused at the door: no order, or an exchange that is too busy.
    func send(_ order: [UInt8]) throws -> Slice?
    func answer(to id: [UInt8]) throws -> PortAnswer
    /// The document of a week's or day's keys; `nil` while there is none.
    func keys(_ span: KeyTable.Span) throws -> LoggedDocument?
    func listings(_ slice: Slice) throws -> [Offer]?
    /// Which motes the witnesses found up or down in a slice; `nil` while it is not known.
    func certificates(_ slice: Slice) throws -> [(mote: [UInt8], isUp: Bool)]?
    func swaps(_ slice: Slice) throws -> [(request: [UInt8], bucket: UInt8)]?
    func list(_ offer: Offer) throws -> Refusal?
    /// The request's identifier, or why not.
    func swap(_ request: SwapRequest) throws -> Refusal?
    func prove(_ proof: FraudProof) throws
    /// Payments and deposits that a slice's report counts: how many people credit may have come from.
    func sources(_ slice: Slice) throws -> Int?
}

package enum PortAnswer {
    case ready(Reply)
    case waits
    case unknown
}
