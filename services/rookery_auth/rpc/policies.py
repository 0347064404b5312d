"""PolicyService."""

from rookery.auth.v1 import policy_service_pb2, policy_service_pb2_grpc, role_pb2
from rookery_kit.rpc import Call

from rookery_auth.model import Role, RoleBinding
from rookery_auth.service.check_permission import CheckPermission
from rookery_auth.service.policies import Policies, UpdateRole


class PolicyRpc(policy_service_pb2_grpc.PolicyServiceServicer):
    """Serves PolicyService."""

    def __init__(self, policies: Policies, check: CheckPermission) -> None:
        self._policies = policies
        self._check = check

    async def CheckPermission(
        self, request: policy_service_pb2.CheckPermissionRequest, context: object
    ) -> policy_service_pb2.CheckPermissionResponse:
        """Answers whether a subject may do something."""
        principal = Call.of(context).principal
        if request.WhichOneof("question") == "method":
            decision = await self._check.method(principal, request.subject, request.method)
        else:
            decision = await self._check.permission(principal, request.subject, request.permission)
        grants = [
            policy_service_pb2.Grant(role=grant.role, permission=grant.permission, source=grant.source)
            for grant in decision.grants
        ]
        return policy_service_pb2.CheckPermissionResponse(
            allowed=decision.allowed,
            permission=decision.permission,
            grants=grants,
            explanation=decision.explanation,
        )

    async def CreateRole(
        self, request: policy_service_pb2.CreateRoleRequest, context: object
    ) -> policy_service_pb2.CreateRoleResponse:
        """Creates a role."""
        role = await self._policies.create(
            Call.of(context).principal, request.name, request.description, frozenset(request.permissions)
        )
        return policy_service_pb2.CreateRoleResponse(role=_encode(role))

    async def UpdateRole(
        self, request: policy_service_pb2.UpdateRoleRequest, context: object
    ) -> policy_service_pb2.UpdateRoleResponse:
        """Changes a role."""
        mask = request.update_mask.paths
        command = UpdateRole(
            name=request.name,
            etag=request.etag,
            description=request.description if "description" in mask else None,
            permissions=frozenset(request.permissions) if "permissions" in mask else None,
        )
        role = await self._policies.update(Call.of(context).principal, command)
        return policy_service_pb2.UpdateRoleResponse(role=_encode(role))

    async def DeleteRole(
        self, request: policy_service_pb2.DeleteRoleRequest, context: object
    ) -> policy_service_pb2.DeleteRoleResponse:
        """Deletes a role."""
        await self._policies.delete(Call.of(context).principal, request.name, request.etag)
        return policy_service_pb2.DeleteRoleResponse()

    async def ListRoles(
        self, request: policy_service_pb2.ListRolesRequest, context: object
    ) -> policy_service_pb2.ListRolesResponse:
        """Lists roles."""
        tenant = Call.of(context).principal.tenant
        roles, token = await self._policies.roles(tenant, request.page_size, request.page_token)
        return policy_service_pb2.ListRolesResponse(roles=[_encode(role) for role in roles], next_page_token=token)

    async def BindRole(
        self, request: policy_service_pb2.BindRoleRequest, context: object
    ) -> policy_service_pb2.BindRoleResponse:
        """Gives a role to a subject."""
        binding = await self._policies.bind(Call.of(context).principal, request.subject, request.role)
        return policy_service_pb2.BindRoleResponse(binding=_encode_binding(binding))

    async def UnbindRole(
        self, request: policy_service_pb2.UnbindRoleRequest, context: object
    ) -> policy_service_pb2.UnbindRoleResponse:
        """Takes a bound role away."""
        await self._policies.unbind(Call.of(context).principal, request.subject, request.role)
        return policy_service_pb2.UnbindRoleResponse()

    async def ListBindings(
        self, request: policy_service_pb2.ListBindingsRequest, context: object
    ) -> policy_service_pb2.ListBindingsResponse:
        """Lists bindings."""
        bindings, token = await self._policies.bindings(
            Call.of(context).principal.tenant,
            request.page_size,
            request.page_token,
            subject=request.subject,
            role=request.role,
        )
        encoded = [_encode_binding(binding) for binding in bindings]
        return policy_service_pb2.ListBindingsResponse(bindings=encoded, next_page_token=token)


def _encode(role: Role) -> role_pb2.Role:
    return role_pb2.Role(
        name=role.name,
        description=role.description,
        permissions=sorted(role.permissions),
        built_in=role.built_in,
        etag=role.etag,
        create_time=role.create_time,
        update_time=role.update_time,
    )


def _encode_binding(binding: RoleBinding) -> role_pb2.RoleBinding:
    return role_pb2.RoleBinding(
        subject=binding.subject, role=binding.role, creator=binding.creator, create_time=binding.create_time
    )
