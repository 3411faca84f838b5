/// The buffers of convolutions in progress; one convolution uses it at a time.
package final class ConvolutionWorkspace {
    /// The longest sequence that it serves.
    package let maximumLength: Int
    private let floats: Int
    private var buffers: [FloatTable] = []

    /// Memory for every compute thread, for sequences of up to `maximumLength` rows.
    package init(maximumLength: Int) {
        precondition(maximumLength > 0)
        self.maximumLength = maximumLength
        floats = ConvolutionAlgorithm.workFloats(maximumLength: maximumLength)
        reserve(threads: ComputeThreads.count)
    }

    /// Makes room for `threads` workers.
    func reserve(threads: Int) {
        while buffers.count < threads { buffers.append(FloatTable(uninitialized: floats)) }
    }

    /// The buffer of one worker; the worker must be below the number last reserved.
    func buffer(_ worker: Int) -> UnsafeMutablePointer<Float> { buffers[worker].base }
}
