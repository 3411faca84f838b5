/// How well predictions agree with the truth, as scikit-learn's `accuracy_score` and `f1_score` count.
package struct HeadMetrics: Sendable, Equatable, Codable {
    /// The share of rows whose labels are all right.
    package var accuracy: Double
    /// The mean over labels of F1; 0 for a label that was never predicted nor there.
    package var macroF1: Double
    /// Mean cross-entropy, nat: for sigmoid the sum over labels.
    package var logLoss: Double
    /// F1 of each label, in the order of the labels.
    package var f1: [Double]
    /// Rows of each label.
    package var support: [Int]

    /// Judges raw scores [N, K] against the label indices of each row. Predicted is the label with the
    /// highest score (softmax; the first of equal ones), or each of positive score (sigmoid).
    init(kind: HeadKind, scores: [[Float]], targets: [[Int]], labels: Int) {
        var truePositives = Array(repeating: 0, count: labels)
        var predictions = truePositives
        var support = truePositives
        var right = 0
        var loss = 0.0
        for (scores, target) in zip(scores, targets) {
            let raw = scores.map(Double.init)
            let predicted = Self.predicted(kind, scores)
            if predicted == target { right += 1 }
            for label in predicted {
                predictions[label] += 1
                if target.contains(label) { truePositives[label] += 1 }
            }
            for label in target { support[label] += 1 }
            switch kind {
            case .softmax: loss += Probability.logSumExp(raw) - raw[target[0]]
            case .sigmoid:
                loss += raw.reduce(0) { $0 + Probability.softplus($1) }
                for label in target { loss -= raw[label] }
            }
        }
        let rows = Double(max(targets.count, 1))
        f1 = (0..<labels).map { label in
            let all = predictions[label] + support[label]
            return all == 0 ? 0 : 2 * Double(truePositives[label]) / Double(all)
        }
        accuracy = Double(right) / rows
        macroF1 = f1.reduce(0, +) / Double(max(labels, 1))
        logLoss = loss / rows
        self.support = support
    }

    private static func predicted(_ kind: HeadKind, _ scores: [Float]) -> [Int] {
        switch kind {
        case .sigmoid: return scores.indices.filter { scores[$0] > 0 }
        case .softmax:
            var best = 0
            for index in scores.indices where scores[index] > scores[best] { best = index }
            return [best]
        }
    }
}
