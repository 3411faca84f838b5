import Kernels

/// The rows of an image that pass filters, kept until documents change.
struct FilterMasks: Sendable {
    private var generation = 0
    private var revision: Int64 = -1
    private var masks: [MetadataFilter: RowMask] = [:]

    /// How many masks are kept until documents change.
    private static let capacity = 32
    /// The most bytes of a filter that is kept with its mask.
    private static let mostBytes = 4_096

    /// The mask that was made for this filter on these rows.
    func find(_ filter: MetadataFilter, _ snapshot: VectorImage.Snapshot) -> RowMask? {
        (snapshot.generation, snapshot.revision) == (generation, revision) ? masks[filter] : nil
    }

    /// Keeps a mask, unless it is of an older moment than others.
    mutating func keep(
        _ mask: RowMask, for filter: MetadataFilter, _ snapshot: VectorImage.Snapshot
    ) {
        let moment = (snapshot.generation, snapshot.revision)
        if moment < (generation, revision) || filter.estimatedBytes > Self.mostBytes { return }
        if moment > (generation, revision) || masks.count >= Self.capacity { masks = [:] }
        (generation, revision) = moment
        masks[filter] = mask
    }
}
