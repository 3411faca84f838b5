package import Checkpoints

extension BiGSModel {
    /// Makes the model that `checkpoint` holds. Throws `ModelError.configuration` for a wrong
    /// config.json, `.invalidModel` with every missing, unknown, misshapen or non-finite tensor,
    /// `.checkpoint` for a tensor that cannot be read.
    package static func load(
        _ checkpoint: Checkpoint, options: ModelOptions = ModelOptions()
    ) throws(ModelError) -> BiGSModel {
        let files: ModelFiles
        do {
            files = try ModelFiles(checkpoint)
        } catch {
            throw .configuration(error)
        }
        let problems = files.problems()
        guard problems.isEmpty else { throw .invalidModel(problems) }
        return try BiGSModel(
            files.configuration, head: files.head, outputs: files.outputs,
            gelu: options.gelu ?? files.framework.gelu, dtype: options.dtype,
            preNorm: files.preNorm,
            addsPositions: files.addsPositions, hasPooler: files.hasPooler, table: files.table,
            source: files.source())
    }
}
