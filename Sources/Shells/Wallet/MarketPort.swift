package import Exchange

/// The exchange, as the agent reaches it: over the network, or in a test within the process. Each call throws when nobody answered.
package protocol MarketPort {
    /// `nil` when the order was refused at the door: no order, or an exchange that is too busy.
    func send(_ order: [UInt8]) throws -> Slice?
    func answer(to id: [UInt8]) throws -> PortAnswer
    /// The document of a week's or day's keys; `nil` while there is none.
    func keys(_ span: KeyTable.Span) throws -> LoggedDocument?
    /// The log's newest, and its tiles of digests; `nil` for those that it does not have.
    func checkpoint() throws -> Checkpoint?
    func tile(_ tile: Tile) throws -> [UInt8]?
    func listings(_ slice: Slice) throws -> [Offer]?
    /// Which motes the witnesses found up or down in a slice; `nil` while it is not known.
    func certificates(_ slice: Slice) throws -> [(mote: [UInt8], isUp: Bool)]?
    func swaps(_ slice: Slice) throws -> [(request: [UInt8], bucket: UInt8)]?
    func list(_ offer: Offer) throws -> Refusal?
    /// The request's identifier, or why not.
    func swap(_ request: SwapRequest) throws -> Refusal?
    /// Why a mote's stake is not taken; `nil` if it is.
    func prove(_ proof: FraudProof) throws -> Refusal?
    /// Why a complaint does not count.
    func complain(_ complaint: Complaint) throws -> Refusal?
    /// `nil` while there is none.
    func report(_ slice: Slice) throws -> SliceReport?
}

/// What a wallet takes from a slice's report.
package struct SliceReport: Sendable {
    /// Payments and deposits: how many people credit may have come from.
    package let sources: Int
    package let complaints: [ComplaintCount]

    package init(sources: Int, complaints: [ComplaintCount]) { (self.sources, self.complaints) = (sources, complaints) }
}

package enum PortAnswer {
    case ready(Reply)
    case waits
    case unknown
}
