internal import Onion

/// Flow control of one stream by XOFF and XON, both ways.
struct StreamSignals {
    /// What we tell the other end.
    var drain: DrainMeter
    /// What the other end told us.
    var permit: SendPermit

    init(_ parameters: FlowParameters, isClient: Bool) {
        drain = DrainMeter(parameters, isClient: isClient)
        permit = SendPermit(parameters, isClient: isClient)
    }
}
