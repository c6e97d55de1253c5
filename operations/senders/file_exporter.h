// Records into files: one per slice, or one for the whole job. The worker's half: it stages. Publishing is
// core/outputs.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry file_exporter_operation();

// What other senders of files are made of: its schema, for them to change, and the sender, which looks at the option
// `routing` too.
OperationSchema file_sender_schema(const SinkType& sink);
std::unique_ptr<Sender> make_file_sender();

}  // namespace slicemill
