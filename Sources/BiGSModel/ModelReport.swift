package import Checkpoints

/// What a model directory holds, and everything that is wrong with it.
package struct ModelReport: Sendable {
    /// Every problem found; empty means that `BiGSModel.load` succeeds.
    package let problems: [ModelProblem]
    /// What the model is; nil when config.json could not be read.
    package let summary: Summary?

    /// What a model is.
    package struct Summary: Sendable, Equatable {
        /// What config.json says.
        package let configuration: BiGSConfiguration
        /// What saved the weights.
        package let framework: Framework
        /// What the model ends with.
        package let head: Head
        /// Whether the weights have a pooler.
        package let hasPooler: Bool
        /// The form of GELU in the encoder.
        package let gelu: GELUForm
        /// Numbers in the tensors that the model is made of.
        package let parameterCount: Int
    }
}

extension ModelReport: CustomStringConvertible {
    package var description: String {
        guard problems.isEmpty, let summary else {
            let count = problems.count == 1 ? "1 problem" : "\(problems.count) problems"
            return ([count] + problems.map { "  \($0)" }).joined(separator: "\n")
        }
        let configuration = summary.configuration
        var lines = [
            "head: \(summary.head.rawValue)",
            "pooler: \(summary.hasPooler ? configuration.poolerType.rawValue : "absent")",
            "saved by: \(summary.framework.rawValue)",
            "GELU in the encoder: \(summary.gelu.rawValue)",
            "layers: \(configuration.layerCount)",
            "hidden size: \(configuration.hiddenSize)",
            "intermediate size: \(configuration.intermediateSize)",
            "states: \(configuration.stateSize)",
            "positions: \(configuration.maximumPositions)",
            "vocabulary: \(configuration.vocabularySize)",
            "parameters: \(summary.parameterCount)",
        ]
        if summary.head == .sequenceClassification || summary.head == .tokenClassification {
            lines.append("labels: \(configuration.labels.joined(separator: ", ").printable)")
        }
        return lines.joined(separator: "\n")
    }
}

extension BiGSModel {
    /// Checks a checkpoint from end to end without making the model. Reads every tensor.
    package static func inspect(
        _ checkpoint: Checkpoint, options: ModelOptions = ModelOptions()
    ) -> ModelReport {
        let files: ModelFiles
        do {
            files = try ModelFiles(checkpoint)
        } catch {
            return ModelReport(
                problems: BiGSConfiguration.problems(in: checkpoint.configuration)
                    .map(ModelProblem.configuration),
                summary: nil)
        }
        return ModelReport(
            problems: files.problems(),
            summary: ModelReport.Summary(
                configuration: files.configuration, framework: files.framework,
                head: files.head, hasPooler: files.hasPooler,
                gelu: options.gelu ?? files.framework.gelu,
                parameterCount: files.table.parameterCount))
    }
}
