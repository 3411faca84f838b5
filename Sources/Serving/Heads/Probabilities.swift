import Learning

/// Scores to probabilities, computed in double precision so that long sums lose nothing.
package enum Probabilities {
    /// exp(x) over the sum of all.
    package static func softmax(_ scores: some Collection<Float>) -> [Float] {
        Probability.softmax(scores.map(Double.init)).map(Float.init)
    }

    /// 1 / (1 + exp(-x)).
    package static func sigmoid(_ score: Float) -> Float {
        Float(Probability.sigmoid(Double(score)))
    }
}

extension [Float] {
    /// The places of the numbers, of the largest first; of equal ones the earlier.
    package var fallingOrder: [Int] { indices.sorted { (self[$0], $1) > (self[$1], $0) } }
}

/// How alike two vectors are.
package enum Similarity {
    /// The cosine of the angle between two vectors of one size, in double precision; 0 where one of them
    /// is zero.
    package static func cosine(_ a: [Float], _ b: [Float]) -> Float {
        precondition(a.count == b.count, "vectors of one model have one size")
        var dot = 0.0
        var first = 0.0
        var second = 0.0
        for (x, y) in zip(a, b) {
            dot += Double(x) * Double(y)
            first += Double(x) * Double(x)
            second += Double(y) * Double(y)
        }
        let norms = (first * second).squareRoot()
        return norms > 0 ? Float(max(-1, min(1, dot / norms))) : 0
    }
}
