import BiGSModel

/// A label and how sure the model is of it.
package struct LabelScore: Sendable, Equatable {
    /// The class's name.
    package let label: String
    /// Its probability, or its raw score.
    package let score: Float

    /// A class and its score.
    package init(label: String, score: Float) {
        self.label = label
        self.score = score
    }
}

/// What becomes of a head's scores: Hugging Face's `function_to_apply`.
package enum ScoreFunction: String, Sendable, CaseIterable {
    /// They stay as they are.
    case identity = "none"
    /// A probability for each.
    case sigmoid
    /// Probabilities that sum to one.
    case softmax
}

/// How raw scores become probabilities.
package struct Classification: Sendable {
    private let labels: [String]
    /// What makes probabilities of scores.
    package let function: ScoreFunction

    /// The labels and the problem type of a model's configuration, as Hugging Face's pipeline reads them:
    /// scores of a `regression` are what was asked for; one label, or `multi_label_classification`, means
    /// a sigmoid for each; otherwise softmax over all.
    package init(_ model: LoadedModel) {
        labels = model.configuration.labels
        function =
            switch model.configuration.problemType {
            case "regression": .identity
            case "multi_label_classification": .sigmoid
            default: labels.count == 1 ? .sigmoid : .softmax
            }
    }

    /// Labels by falling score (ties keep the labels' order), at most `top` of them.
    /// - Parameter other: the function in place of the model's.
    package func ranked(
        _ scores: [Float], by other: ScoreFunction? = nil, top: Int? = nil
    ) -> [LabelScore] {
        let values = values(of: scores, by: other ?? function)
        let order = values.fallingOrder
        return order.prefix(top ?? order.count).map {
            LabelScore(label: label($0), score: values[$0])
        }
    }

    /// The probability of each label, from the head's raw scores.
    func probabilities(_ scores: [Float]) -> [Float] { values(of: scores, by: function) }

    private func values(of scores: [Float], by function: ScoreFunction) -> [Float] {
        switch function {
        case .identity: scores
        case .sigmoid: scores.map(Probabilities.sigmoid)
        case .softmax: Probabilities.softmax(scores)
        }
    }

    /// The name of a score.
    func label(_ index: Int) -> String {
        labels.indices.contains(index) ? labels[index] : "LABEL_\(index)"
    }
}
