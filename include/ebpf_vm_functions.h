/* Under the name that programs of openEuler's CTinspector include: #include <ebpf_vm_functions.h>. */
#include "ctinspector/upstream.h"
