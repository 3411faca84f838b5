import Testing

@testable import Serving

struct TextWindowsTests {
    /// Windows that move on by little are refused before they are made, in the caller's words.
    @Test func tooManyWindowsAreRefusedByName() throws {
        let error = #expect(throws: ServiceError.self) {
            try TextWindows.ranges(
                count: 1 << 40, size: 128, overlap: 127, field: "doc_stride", input: 3)
        }
        #expect(error?.input == 3)
        #expect(
            error?.text(input: "texts[3]", truncate: "").hasPrefix(
                "doc_stride: texts[3] would be read in") == true)
        let most = try TextWindows.ranges(
            count: 4_223, size: 128, overlap: 127, field: "doc_stride", input: 0)
        #expect(most.count == 4_096 && most.last == 4_095..<4_223)
    }

    /// What stands before every window counts as often as what windows share.
    @Test func sharedTokensAreBounded() throws {
        func windows(repeated: Int) throws(ServiceError) -> Int {
            try TextWindows.ranges(
                count: 4_000 * 2_000, size: 4_000, overlap: 2_000, repeated: repeated,
                field: "doc_stride", input: 0
            ).count
        }
        #expect(throws: ServiceError.self) { try windows(repeated: 0) }
        func few(repeated: Int) throws(ServiceError) -> Int {
            try TextWindows.ranges(
                count: 2_001_000, size: 2_000, overlap: 1_000, repeated: repeated,
                field: "doc_stride", input: 0
            ).count
        }
        #expect(try few(repeated: 1_000) == 2_000)
        #expect(throws: ServiceError.self) { try few(repeated: 1_500) }
    }
}
