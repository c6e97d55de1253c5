// postgres_sender: writes records as rows of a PostgreSQL table.
#pragma once

#include "operations/operation.h"

namespace slicemill {

OperationEntry postgres_sender_operation();

}  // namespace slicemill
