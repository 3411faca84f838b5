/// The buffers of convolutions in progress; one convolution uses it at a time.
package final class ConvolutionWorkspace {
    /// The longest sequence that it serves.
    package let maximumLength: Int
    private let floats: Int
    private var buffers: [FloatTable] = []
    private var starts: [UnsafeMutablePointer<Float>] = []
    /// What each sequence of a pass goes through, forward and backward: kept for its memory.
    var ready: [SSMConvolution.Ready] = []

    /// Memory for every compute thread, for sequences of up to `maximumLength` rows.
    package init(maximumLength: Int) {
        precondition(maximumLength > 0)
        self.maximumLength = maximumLength
        floats = ConvolutionAlgorithm.workFloats(maximumLength: maximumLength)
        reserve(threads: ComputeThreads.count)
    }

    /// Makes room for `threads` workers.
    func reserve(threads: Int) {
        while buffers.count < threads {
            let buffer = FloatTable(uninitialized: floats)
            buffers.append(buffer)
            starts.append(buffer.base)
        }
    }

    /// Calls `body` with `ready`, and the buffer of each worker below the number last reserved.
    func withBuffers(
        _ body: (
            UnsafeBufferPointer<SSMConvolution.Ready>,
            UnsafeBufferPointer<UnsafeMutablePointer<Float>>
        ) -> Void
    ) {
        withExtendedLifetime(buffers) {
            ready.withUnsafeBufferPointer { ready in
                starts.withUnsafeBufferPointer { starts in body(ready, starts) }
            }
        }
    }
}
