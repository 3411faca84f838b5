import Foundation

/// How a head's raw scores become probabilities.
package enum HeadKind: String, Sendable, Codable, CaseIterable {
    /// One label of many: the probabilities add up to 1.
    case softmax
    /// Any number of labels: each probability stands alone.
    case sigmoid
}

/// A linear classifier on a vector: one weighted sum a label, then softmax or sigmoid.
package struct LinearHead: Sendable, Equatable {
    /// What scores are made of logits.
    package let kind: HeadKind
    /// K different names.
    package let labels: [String]
    /// D, the size of the vectors it takes.
    package let dimensions: Int
    /// [K, D], row-major.
    package let weights: [Float]
    /// [K].
    package let bias: [Float]

    /// A head of these parts. The shapes must agree; `HeadFile` checks what comes from outside.
    package init(
        kind: HeadKind, labels: [String], dimensions: Int, weights: [Float], bias: [Float]
    ) {
        precondition(weights.count == labels.count * dimensions && bias.count == labels.count)
        self.kind = kind
        self.labels = labels
        self.dimensions = dimensions
        self.weights = weights
        self.bias = bias
    }

    /// The raw score of each label, [K]: W v + b, summed in order and in double precision, so that
    /// the same vector always gives the same bytes.
    package func scores(_ vector: [Float]) -> [Float] {
        precondition(vector.count == dimensions, "a vector of another size")
        return bias.indices.map { label in
            var sum = Double(bias[label])
            for index in 0..<dimensions {
                sum += Double(weights[label * dimensions + index]) * Double(vector[index])
            }
            return Float(sum)
        }
    }

    /// The probability of each label, [K], from its raw scores.
    package func probabilities(_ scores: [Float]) -> [Float] {
        switch kind {
        case .sigmoid: return scores.map { Float(Probability.sigmoid(Double($0))) }
        case .softmax: return Probability.softmax(scores.map(Double.init)).map { Float($0) }
        }
    }
}

/// Scores to probabilities without overflow.
package enum Probability {
    /// 1 / (1 + exp(-x)).
    package static func sigmoid(_ x: Double) -> Double {
        // exp of a negative number only: it cannot overflow.
        let small = exp(-abs(x))
        return x >= 0 ? 1 / (1 + small) : small / (1 + small)
    }

    /// log(1 + exp(x)).
    static func softplus(_ x: Double) -> Double { max(x, 0) + log1p(exp(-abs(x))) }

    /// exp(x_k) over the sum of all, shifted by the largest so that nothing overflows.
    package static func softmax(_ x: [Double]) -> [Double] {
        let largest = x.max() ?? 0
        let powers = x.map { exp($0 - largest) }
        let sum = powers.reduce(0, +)
        return powers.map { $0 / sum }
    }

    /// log of the sum of exp(x_k).
    static func logSumExp(_ x: [Double]) -> Double {
        let largest = x.max() ?? 0
        return largest + log(x.reduce(0) { $0 + exp($1 - largest) })
    }
}
