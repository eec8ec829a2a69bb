internal import Glibc

/// How well a letter hides among others from somebody who sees every link, in bits: log2 of as many equally likely ones.
package enum MixEntropy {
    private static let eulerGamma = 0.577_215_664_901_532_9

    /// Differential entropy of the sum of so many exponential delays of mean 1 (a gamma distribution), in bits.
    package static func shape(hops: Int) -> Double {
        let n = Double(hops)
        let logFactorial = (1..<hops).reduce(0) { $0 + log(Double($1)) }
        return (n + logFactorial + (1 - n) * digamma(hops)) / log(2)
    }

    private static func digamma(_ n: Int) -> Double { -eulerGamma + (1..<n).reduce(0) { $0 + 1 / Double($1) } }

    /// Of a letter that crosses so many honest hops: log2 of the packets that may come out of the whole network as it does during one hop's mean delay (of motes in layers
    /// as many as come in; where all motes are in all layers each packet that goes from one to another), and what the delays' shape adds. For one mote alone or two layers and more, where everybody's packets can meet, and for
    /// many packets: of forty in layers of five motes each it says 0.12 bits too many.
    package static func bits(packetsPerSecond: Double, meanDelaySeconds: Double, hops: Int) -> Double {
        max(0, log2(packetsPerSecond * meanDelaySeconds) + shape(hops: hops))
    }

    /// The packets per second that the whole network needs for that many bits, whoever sends them: what is not letters must be cover.
    package static func packetsPerSecond(forBits bits: Double, meanDelaySeconds: Double, hops: Int) -> Double {
        exp2(bits - shape(hops: hops)) / meanDelaySeconds
    }

    /// Of a distribution whose parts sum to one, and of the guess that is most likely right (min-entropy).
    package static func measured(_ parts: some Sequence<Double>) -> (bits: Double, guessBits: Double) {
        var (sum, largest) = (0.0, 0.0)
        for part in parts where part > 0 {
            sum -= part * log2(part)
            largest = max(largest, part)
        }
        return (sum, largest > 0 ? -log2(largest) : 0)
    }
}
