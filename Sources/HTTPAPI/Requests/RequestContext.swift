import Foundation
import HTTPServer
import HTTPTypes
package import Logging

/// What names a request in answers and logs, known to all code that works for it.
package struct RequestContext: Sendable {
    /// The context of the request that the current task works for.
    @TaskLocal package static var current: RequestContext?

    /// The caller's `x-request-id` where it can stand in a header and a log line, else a new one.
    package let requestID: String
    /// The caller's place in a distributed trace, if it gave a valid one.
    package let trace: TraceParent?
    /// What the handler tells about its work.
    let record = RequestRecord()

    init(_ request: ServerRequest) {
        let fields = request.head.headerFields
        requestID = Refusal.requestID(of: request.head)
        trace = fields[.traceParent].flatMap(TraceParent.init)
    }

    /// Adds `request_id` and `trace_id` to every line that is logged for a request.
    package static let metadataProvider = Logger.MetadataProvider {
        guard let current else { return [:] }
        var metadata: Logger.Metadata = ["request_id": "\(current.requestID)"]
        if let trace = current.trace { metadata["trace_id"] = "\(trace.traceID)" }
        return metadata
    }
}

/// A `traceparent` header (W3C Trace Context, level 1).
package struct TraceParent: Sendable, Equatable {
    /// The header as given: passed on unchanged, because no span is opened here.
    package let header: String
    /// 32 lower-case hexadecimal digits, not all zero.
    package let traceID: String

    /// The header's meaning, or nil when it breaks the format.
    package init?(_ header: String) {
        let bytes = Array(header.utf8)
        guard bytes.count >= 55, bytes.count <= 512 else { return nil }
        let dashes = [2, 35, 52]
        for (index, byte) in bytes.prefix(55).enumerated() {
            let isDash = byte == UInt8(ascii: "-")
            let isHex =
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            guard dashes.contains(index) ? isDash : isHex else { return nil }
        }
        let version = bytes[0..<2]
        let zero = UInt8(ascii: "0")
        guard version != [UInt8(ascii: "f"), UInt8(ascii: "f")],
            bytes[3..<35].contains(where: { $0 != zero }),
            bytes[36..<52].contains(where: { $0 != zero })
        else { return nil }
        if bytes.count > 55 {
            // Later versions may add fields; version 00 has none.
            guard !version.allSatisfy({ $0 == zero }), bytes[55] == UInt8(ascii: "-"),
                bytes[55...].allSatisfy({ (0x21...0x7E).contains($0) })
            else { return nil }
        }
        self.header = header
        traceID = String(decoding: bytes[3..<35], as: UTF8.self)
    }
}
