/// What gateways of the mix are asked by programs of people, as paths of their directories.
package enum LetterPath {
    package static let office = "/tor/dust/letter/"
    /// A `LetterPiece`; answered with a `LetterPiece.Answer`. One that is sent again is the same piece of the same letter.
    package static let send = office + "send"
    /// How well a letter hides that is sent there now: lines of a word and a number.
    package static let hiding = office + "hiding"
    package static let hidingLimitBytes = 1 << 10
}
