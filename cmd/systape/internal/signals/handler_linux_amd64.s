#include "textflag.h"

// The kernel calls the handler as it calls runtime·sigtramp, to which it goes
// on: signal in DI, siginfo in SI, context in DX. Nothing else is to be kept,
// since rt_sigreturn restores what was interrupted. si_code is above 0 when
// the kernel sent the signal (include/uapi/asm-generic/siginfo.h).
TEXT handler<>(SB),NOSPLIT|NOFRAME|TOPFRAME,$0
	MOVL	DI, AX
	XORL	CX, CX
	CMPL	8(SI), $0
	SETGT	CX
	LEAQ	(CX)(AX*2), CX
	MOVQ	$·seen(SB), R8
	LOCK
	INCL	(R8)(CX*4)
	MOVQ	$·chain(SB), R8
	MOVQ	(R8)(AX*8), R8
	TESTQ	R8, R8
	JZ	done
	JMP	R8
done:
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB),NOSPLIT,$0-8
	MOVQ	$handler<>(SB), AX
	MOVQ	AX, ret+0(FP)
	RET
