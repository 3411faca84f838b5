import GRDB
import Kernels

extension EncodingStore {
    /// The best documents or passages, best first; ties by id. Every write that was acknowledged
    /// before the call, by whatever process, is seen; all of the answer is from one moment. The
    /// numbers are those of a comparison of all vectors in double precision.
    ///
    /// The first search of a model reads its vectors into memory: five bytes for each number. The
    /// first with a filter reads the metadata too: four bytes for each value that a document has,
    /// and the different values themselves.
    /// - Throws: `StoreError.noSuchDocument` when the document to be like does not exist, and `noVector`
    ///   when this model has not encoded it; `invalid` for a vector that is empty or not finite, and
    ///   where the documents' parts are more than one answer holds.
    package func search(_ request: SearchRequest) async throws(StoreError) -> [SearchHit] {
        let (path, images) = (path, images)
        let threads = options.searchThreads > 0 ? options.searchThreads : ComputeThreads.count
        var attempt = 0
        while true {
            attempt += 1
            // An image is ahead of a transaction that began before it was brought up to date, and of every
            // one where the file has gone back: another was restored into it, or it is damaged.
            if attempt % 8 == 0 { images.forget() }
            let hits = try await read { db in
                try SearchRun(
                    request: request, db: db, path: path, images: images, threads: threads
                ).run()
            }
            if let hits { return hits }
        }
    }
}
