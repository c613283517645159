#include "tables/generated/dp_flows.h"
