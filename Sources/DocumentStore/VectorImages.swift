import Synchronization

/// The images in memory that searches scan, one for each model and kind of row.
final class VectorImages: Sendable {
}
