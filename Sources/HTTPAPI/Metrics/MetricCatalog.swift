/// Every metric the service has: what it means, and the buckets of those that have some.
///
/// The `te_*` names, their meanings and their bounds are text-embeddings-inference's, so that its
/// dashboards work; durations are in seconds and go on to 120 s here, because a document takes
/// longer than a sentence.
enum MetricCatalog {
    private static let descriptions: [String: String] = [
        "te_request_count": "Encoding requests with a readable body, by method: single or batch.",
        "te_request_success": "Encoding requests that were answered, by method.",
        "te_request_failure": "Encoding requests that were refused or failed, by reason.",
        "te_request_duration": "Seconds from an encoding request's head to its answer.",
        "te_request_tokenization_duration": "Seconds an encoding request took to tokenize.",
        "te_request_queue_duration": "Seconds an encoding request waited for the model.",
        "te_request_inference_duration": "Seconds the model worked on an encoding request.",
        "te_request_input_length": "Tokens of an input, as the model saw it.",
        "te_embed_count": "Texts to embed.",
        "te_embed_success": "Texts that were embedded.",
        "te_embed_duration": "Seconds from the request to the embedding of a text.",
        "te_embed_tokenization_duration": "Seconds a text to embed took to tokenize.",
        "te_embed_queue_duration": "Seconds a text to embed waited for the model.",
        "te_embed_inference_duration": "Seconds the model worked on a text to embed.",
        "te_predict_count": "Texts and pairs to classify or to rank.",
        "te_predict_success": "Texts and pairs that were classified or ranked.",
        "te_predict_duration": "Seconds from the request to the scores of a text.",
        "te_predict_tokenization_duration": "Seconds a text to classify took to tokenize.",
        "te_predict_queue_duration": "Seconds a text to classify waited for the model.",
        "te_predict_inference_duration": "Seconds the model worked on a text to classify.",
        "te_batch_next_size": "Texts in a batch.",
        "te_batch_next_tokens": "Tokens in a batch.",
        "te_queue_size": "Texts that wait for the model.",
        "bigs_passes_total": "Forward passes that were begun.",
        "bigs_interruptions_total": "Passes that ran between the steps of another one.",
        "bigs_dropped_passes_total": "Passes that were dropped: nobody waited any more.",
        "bigs_expired_requests_total": "Requests whose time ran out before they were done.",
        "bigs_build_info": "Always 1; the label is the version.",
        "bigs_ready": "1 when the model is loaded and the server is not draining.",
        "bigs_model_info": "Always 1; the labels describe a model.",
        "bigs_http_requests_total":
            "Requests, by method, route and status; 499 where the client left before its end.",
        "bigs_http_request_duration_seconds":
            "Seconds from a request's head to the end of its answer, by route.",
        "bigs_http_requests_in_flight": "Requests that are being answered.",
        "bigs_stage_duration_seconds": "Seconds of an encoding request, by stage.",
        "bigs_cache_hits_total":
            "Texts, pairs and windows whose encoding was found in the store.",
        "bigs_cache_misses_total": "Texts, pairs and windows that had to be encoded.",
        "bigs_tokens_total": "Tokens of all texts that were encoded or found.",
        "bigs_model_tokens_total": "The same by the model that was asked.",
        "bigs_truncated_inputs_total": "Texts of which the end or the beginning was cut away.",
        "bigs_queue_tokens": "Tokens that wait for the model or run.",
        "bigs_store_open": "1 when a store is open and nothing is wrong with it.",
        "bigs_store_bytes": "Size of the store's file with its log.",
        "bigs_store_documents": "Documents in the store.",
        "bigs_store_encodings": "Cached encodings in the store.",
        "bigs_store_free_bytes": "Bytes inside the store's file that nothing uses.",
        "bigs_store_passages": "Passages of documents that have a vector.",
        "bigs_store_hits_total": "Keys looked up and found since the store's file was made.",
        "bigs_store_misses_total": "Keys looked up in vain since the store's file was made.",
        "bigs_store_evictions_total":
            "Cached encodings evicted since the store's file was made.",
        "process_resident_memory_bytes": "Resident memory.",
        "process_virtual_memory_bytes": "Virtual memory.",
        "process_cpu_seconds_total": "Processor time, user and system.",
        "process_open_fds": "Open file descriptors.",
        "process_start_time_seconds": "When the process started, in seconds since 1970.",
    ]

    /// One line that says what a metric counts.
    static func help(of name: String) -> String { descriptions[name] ?? "No description." }

    /// Seconds: 0.000015 times powers of 1.5, then 120.
    static let durations: [Double] =
        (0..<40).reduce(into: []) { bounds, power in
            let value = (0..<power).reduce(1.5e-5) { value, _ in value * 1.5 }
            bounds.append(rounded(value))
        } + [120]

    private static func powersOfTwo(_ count: Int) -> [Double] {
        (0..<count).map { Double(1 << $0) }
    }

    /// The upper bounds of a metric's buckets.
    static func bounds(of name: String) -> [Double] {
        switch name {
        case "te_request_input_length", "te_batch_next_tokens": powersOfTwo(21)
        case "te_batch_next_size": powersOfTwo(13)
        case "bigs_http_request_duration_seconds":
            [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120]
        default: durations
        }
    }

    /// Four significant digits, so that the bounds can be read.
    private static func rounded(_ value: Double) -> Double {
        let scale = (0..<12).reduce(1.0) { scale, _ in value * scale < 1_000 ? scale * 10 : scale }
        return (value * scale).rounded() / scale
    }
}
