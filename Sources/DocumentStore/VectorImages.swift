import Synchronization

/// The images of a store.
final class VectorImages: Sendable {
    private let images = Mutex<[VectorImage.Key: VectorImage]>([:])

    /// Lets the images go, to be made anew from the file.
    func forget() { images.withLock { $0 = [:] } }

    /// The image for `key`, empty when nobody asked for it before.
    func image(_ key: VectorImage.Key, path: String) -> VectorImage {
        images.withLock { images in
            if let image = images[key] { return image }
            let image = VectorImage(key: key, path: path)
            images[key] = image
            return image
        }
    }
}
