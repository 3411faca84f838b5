package import DocumentStore

/// Going over to another model while the old one serves.
extension DocumentService {
    /// Encodes documents that this model lacks, group by group, until there are none; what is done is
    /// kept, so a run that was stopped goes on where it was.
    ///
    /// Documents that are changed meanwhile are met again. A text that this model cannot encode ends
    /// the move with its error.
    /// - Parameter progress: told after every group.
    package func reencode(
        progress: (ReencodingProgress) async -> Void
    ) async throws(DocumentError) {
        while true {
            let pending = try await inStore { store throws(StoreError) in
                try await store.documentsLacking(model: fingerprint, limit: 64)
            }
            if pending.isEmpty { return }
            let documents = pending.map { pending in
                let options = DocumentOptions(pending.options)
                var document = NewDocument(id: pending.id, text: pending.text)
                document.granularities = options.granularities
                document.states = .some(options.states)
                document.rules.truncationSide = options.truncationSide
                document.rules.windows = options.windows
                document.rules.promptName = options.promptName
                return document
            }
            for group in groups(Array(documents.indices), documents) {
                var encoded: [(document: PendingDocument, encoding: DocumentEncoding)] = []
                var timings = EncodingResult.Timings()
                for (index, result) in await encode(group, documents, &timings) {
                    do throws(ServiceError) {
                        var done = pending[index]
                        // A name may stand for another prompt here.
                        done.options = options(of: documents[index])
                        encoded.append((done, try result.get().encoding))
                    } catch {
                        throw .encoding(error)
                    }
                }
                _ = try await inStore { [encoded] store throws(StoreError) in
                    try await store.add(encoded, model: fingerprint)
                }
                await progress(
                    try await inStore { store throws(StoreError) in
                        try await store.reencodingProgress(model: fingerprint)
                    })
            }
        }
    }

    /// Removes every other model's encodings of documents, if this one has encoded all of them.
    package func finishReencoding() async throws(DocumentError) -> Bool {
        try await inStore { store throws(StoreError) in
            try await store.finishReencoding(model: fingerprint)
        }
    }

    /// Gives disk space back that nothing uses.
    package func compact() async throws(DocumentError) -> CompactionReport {
        try await inStore { store throws(StoreError) in try await store.compact() }
    }

    /// A snapshot of documents, each with this model's encoding, or, where there is none, the newest.
    package func export(
        filter: MetadataFilter?, parts: DocumentParts
    ) async throws(DocumentError) -> DocumentExport {
        try await inStore { store throws(StoreError) in
            try await store.export(
                where: filter, parts: parts, model: fingerprint, orNewest: true)
        }
    }
}
