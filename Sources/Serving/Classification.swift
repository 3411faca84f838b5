import BiGSModel

/// A label and how sure the model is of it.
package struct LabelScore: Sendable, Equatable {
    package let label: String
    package let score: Float

    package init(label: String, score: Float) {
        self.label = label
        self.score = score
    }
}

/// How raw scores become probabilities.
package struct Classification: Sendable {
    private let labels: [String]
    /// Whether each label has a probability of its own (sigmoid); else they sum to one (softmax).
    package let isIndependent: Bool

    /// The labels and the problem type of a model's configuration. One label, or
    /// `multi_label_classification`, means a sigmoid for each; otherwise softmax over all.
    package init(_ model: LoadedModel) {
        labels = model.configuration.labels
        isIndependent =
            model.configuration.problemType == "multi_label_classification" || labels.count == 1
    }

    /// Labels by falling score (ties keep the labels' order), at most `top` of them.
    package func ranked(_ scores: [Float], raw: Bool = false, top: Int? = nil) -> [LabelScore] {
        let values = raw ? scores : probabilities(scores)
        let order = values.fallingOrder
        return order.prefix(top ?? order.count).map {
            LabelScore(label: label($0), score: values[$0])
        }
    }

    /// The probability of each label, from the head's raw scores.
    func probabilities(_ scores: [Float]) -> [Float] {
        isIndependent ? scores.map(Probabilities.sigmoid) : Probabilities.softmax(scores)
    }

    /// The name of a score.
    func label(_ index: Int) -> String {
        labels.indices.contains(index) ? labels[index] : "LABEL_\(index)"
    }
}
