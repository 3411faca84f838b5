package import BiGSModel
import Checkpoints
package import Foundation
import Tokenization

/// How a directory's files say that texts are read, and everything that is wrong with them: what
/// `LoadedModel.load` takes from it beside the weights.
package struct ReadingReport: Sendable {
    /// How many tokens the tokenizer has; nil without one, where nothing but token ids can be run.
    package private(set) var vocabularySize: Int?
    /// How texts are padded; nil where it could not be told what the model is.
    package private(set) var padding: PaddingPolicy?
    /// How states become a vector.
    package private(set) var pooling = Pooling.mean
    /// The most tokens a text may have; nil where it could not be told what the model is.
    package private(set) var window: Int?
    /// Texts that requests may ask to be put before their inputs.
    package private(set) var prompts = Prompts.none
    /// Every problem found; empty means that `LoadedModel.load` stumbles over none of these files.
    package private(set) var problems: [ModelLoadingError] = []

    /// Reads the files of `directory`, which has a model that was found to be `model`; nil where that
    /// could not be told.
    package init(directory: URL, model: ModelReport.Summary?) {
        var fixedLength: Int?
        do throws(TokenizerError) {
            let tokenizer = try Tokenizer(directory: directory)
            let size = tokenizer.vocabularySize
            vocabularySize = size
            fixedLength = tokenizer.fixedPaddingLength
            if let known = model?.configuration.vocabularySize, size > known {
                problems.append(.vocabularyMismatch(tokenizer: size, model: known))
            }
        } catch .vocabularyMissing {
        } catch {
            problems.append(.tokenizer(error))
        }
        padding = model.map {
            .configured($0.configuration, $0.head, fixedLength: fixedLength)
        }
        do throws(ModelLoadingError) {
            let modules = try SentenceModules(in: directory)
            if let padding, let positions = model?.configuration.maximumPositions {
                window = modules.window(
                    within: padding.window(
                        positions: positions,
                        paddedLength: min(fixedLength ?? positions, positions)))
            }
            pooling =
                try modules.pooling(in: directory)?.mode ?? .mean
        } catch {
            problems.append(error)
        }
        do throws(ModelLoadingError) {
            prompts = try Prompts.configured(in: directory)
        } catch {
            problems.append(error)
        }
    }
}

extension ReadingReport: CustomStringConvertible {
    package var description: String {
        let names = prompts.byName.keys.sorted().map {
            $0.printable + ($0 == prompts.defaultName ? " (default)" : "")
        }
        return [
            "tokenizer: " + (vocabularySize.map { "\($0) tokens" } ?? "none (forward only)"),
            window.map { "window: \($0) tokens" },
            padding.map { "padding: \($0.rawValue)" },
            "pooling: \(pooling.rawValue)",
            "prompts: " + (names.isEmpty ? "none" : names.joined(separator: ", ")),
        ].compactMap { $0 }.joined(separator: "\n")
    }
}
