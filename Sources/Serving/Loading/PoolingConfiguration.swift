import Foundation

/// What sentence-transformers wrote into its pooling module's `config.json`.
struct PoolingConfiguration: Sendable, Equatable {
    /// How states become a vector.
    let mode: Pooling
    /// False where the tokens of a prompt, and the [CLS] before them, have no part in that
    /// (`include_prompt`).
    let includesPrompt: Bool

    /// The file as its versions write it: one `pooling_mode`, or before version 6 a switch for each.
    private struct File: Decodable {
        /// A mode, or a list of those whose vectors are put one after the other.
        struct Modes: Decodable {
            let names: [String]

            init(from decoder: any Decoder) throws {
                let container = try decoder.singleValueContainer()
                if let name = try? container.decode(String.self) {
                    names = [name]
                } else {
                    names = try container.decode([String].self)
                }
            }
        }
        var poolingMode: Modes?
        var poolingModeClsToken: Bool?
        var poolingModeMeanTokens: Bool?
        var poolingModeMaxTokens: Bool?
        var poolingModeMeanSqrtLenTokens: Bool?
        var poolingModeWeightedmeanTokens: Bool?
        var poolingModeLasttoken: Bool?
        var includePrompt: Bool?

        /// By their names in `pooling_mode`; a file that says nothing means the mean.
        var modes: [String] {
            if let poolingMode { return poolingMode.names }
            let switches = [
                (poolingModeClsToken, "cls"), (poolingModeMeanTokens, "mean"),
                (poolingModeMaxTokens, "max"), (poolingModeLasttoken, "lasttoken"),
                (poolingModeMeanSqrtLenTokens, "mean_sqrt_len_tokens"),
                (poolingModeWeightedmeanTokens, "weightedmean"),
            ]
            let on = switches.filter { $0.0 == true }.map(\.1)
            return on.isEmpty && poolingModeMeanTokens == nil ? ["mean"] : on
        }
    }

    /// Nil when there is no such file. Throws `ModelLoadingError.badFile` when it asks for something
    /// that is not offered here.
    /// - Parameters:
    ///   - path: where the file lies.
    ///   - override: what is asked for in its mode's place.
    static func read(
        _ path: String, in directory: URL, override: Pooling? = nil
    ) throws(ModelLoadingError) -> PoolingConfiguration? {
        guard
            let file = try SidecarFile.read(
                File.self, path, in: directory, keys: .convertFromSnakeCase)
        else { return nil }
        let known: [String: Pooling] = [
            "cls": .cls, "mean": .mean, "max": .max, "lasttoken": .lastToken,
        ]
        let modes = file.modes
        guard let mode = override ?? (modes.count == 1 ? known[modes[0]] : nil) else {
            throw .badFile(
                path: directory.appending(path: path).path,
                reason: "has \(modes.count) pooling modes \("\(modes)".prefix(200)); "
                    + "needs exactly one of cls, mean, max and lasttoken (or --pooling)")
        }
        return PoolingConfiguration(mode: mode, includesPrompt: file.includePrompt ?? true)
    }
}
