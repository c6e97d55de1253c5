// A NEW OPERATION: its include and its line.
#include "operations/operation.h"
#include "operations/processors/collect.h"
#include "operations/processors/delay.h"
#include "operations/processors/field_edits.h"
#include "operations/processors/filter.h"
#include "operations/processors/noop.h"
#include "operations/processors/routers.h"
#include "operations/processors/script.h"
#include "operations/processors/selection.h"
#include "operations/processors/set_key.h"
#include "operations/processors/stdout.h"
#include "operations/readers/data_generator.h"
#include "operations/readers/file_reader.h"
#include "operations/readers/id_range.h"
#include "operations/readers/postgres_reader.h"
#include "operations/readers/test_reader.h"
#include "operations/senders/file_exporter.h"
#include "operations/senders/postgres_sender.h"
#include "operations/senders/routed_sender.h"
#include "operations/tasks/task.h"
#include "operations/tasks/tasks_reader.h"

namespace slicemill {

const OperationRegistry& builtin_operations() {
  static const OperationRegistry registry = [] {
    OperationRegistry operations;
    // readers (each has a slicer of the same name in slicer/slicer_registry.cc)
    operations.add(data_generator_operation());
    operations.add(file_reader_operation());
    operations.add(id_range_operation());
    operations.add(postgres_reader_operation());
    operations.add(tasks_operation());
    operations.add(test_reader_operation());

    // processors
    operations.add(collect_operation());
    operations.add(copy_field_operation());
    operations.add(date_router_operation());
    operations.add(delay_operation());
    operations.add(drop_field_operation());
    operations.add(drop_property_operation());
    operations.add(field_router_operation());
    operations.add(filter_operation());
    operations.add(hash_router_operation());
    operations.add(key_router_operation());
    operations.add(noop_operation());
    operations.add(script_operation());
    operations.add(selection_operation());
    operations.add(set_field_operation());
    operations.add(set_key_operation());
    operations.add(stdout_operation());

    // senders
    operations.add(file_exporter_operation());
    operations.add(postgres_sender_operation());
    operations.add(routed_sender_operation());
    operations.add(task_operation());
    return operations;
  }();
  return registry;
}

}  // namespace slicemill
