/// One option as it was written, before anybody asked what it means.
package struct Assignment: Equatable, Sendable {
    /// How it relates to what was said before about the same option.
    package enum Manner: Equatable, Sendable {
        /// Replaces what an earlier source (a defaults file, the torrc) said.
        case set
        /// `+Option`: adds to what earlier sources said.
        case add
        /// `/Option`: forgets what earlier sources said.
        case clear
    }

    package var manner: Manner
    package var option: String
    package var value: String
    package var origin: OptionOrigin

    package init(manner: Manner = .set, option: String, value: String, origin: OptionOrigin) {
        self.manner = manner
        self.option = option
        self.value = value
        self.origin = origin
    }

    /// Splits a leading `+` or `/` off an option's name.
    static func manner(of name: Substring) -> (Manner, Substring) {
        switch name.first {
        case "+": (.add, name.dropFirst())
        case "/": (.clear, name.dropFirst())
        default: (.set, name)
        }
    }
}
