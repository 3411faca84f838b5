import Foundation

/// What sentence-transformers wrote into `1_Pooling/config.json`.
struct PoolingConfiguration: Sendable, Equatable {
    /// How states become a vector.
    let mode: Pooling
    /// False where the tokens of a prompt, and the [CLS] before them, have no part in that
    /// (`include_prompt`).
    let includesPrompt: Bool

    /// Nil when there is no such file. Throws `ModelLoadingError.badFile` when it asks for something
    /// that is not offered here.
    static func read(in directory: URL) throws(ModelLoadingError) -> PoolingConfiguration? {
        struct File: Decodable {
            var poolingModeClsToken: Bool?
            var poolingModeMeanTokens: Bool?
            var poolingModeMaxTokens: Bool?
            var poolingModeMeanSqrtLenTokens: Bool?
            var poolingModeWeightedmeanTokens: Bool?
            var poolingModeLasttoken: Bool?
            var includePrompt: Bool?
        }
        let path = "1_Pooling/config.json"
        guard
            let file = try SidecarFile.read(
                File.self, path, in: directory, keys: .convertFromSnakeCase)
        else { return nil }
        var modes: [Pooling] = []
        if file.poolingModeClsToken == true { modes.append(.cls) }
        if file.poolingModeMeanTokens == true { modes.append(.mean) }
        if file.poolingModeMaxTokens == true { modes.append(.max) }
        if file.poolingModeLasttoken == true { modes.append(.lastToken) }
        let others =
            file.poolingModeMeanSqrtLenTokens == true
            || file.poolingModeWeightedmeanTokens == true
        guard modes.count == 1, !others, let mode = modes.first else {
            throw .badFile(
                path: directory.appending(path: path).path,
                reason: "needs exactly one of cls, mean, max and lasttoken as its pooling mode")
        }
        return PoolingConfiguration(mode: mode, includesPrompt: file.includePrompt ?? true)
    }
}
